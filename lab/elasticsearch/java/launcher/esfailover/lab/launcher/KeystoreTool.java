package esfailover.lab.launcher;

import joptsimple.OptionParser;
import joptsimple.OptionSet;

import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.SecureString;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * {@code elasticsearch-keystore}, as far as a keystore without a password needs it. Messages and exit statuses are those of Elastic's
 * tool, which is not on Maven Central. The keystore itself is read and written by Elasticsearch's own code.
 */
public final class KeystoreTool {
    private static final int USAGE = 64;
    private static final int DATA_ERROR = 65;
    private static final int IO_ERROR = 74;
    private static final int CONFIG = 78;
    private static final SecureString NO_PASSWORD = new SecureString(new char[0]);

    /** Ends the tool with a message for the user. */
    private static final class Refusal extends Exception {
        private final int exitStatus;

        Refusal(int exitStatus, String message) {
            super(message);
            this.exitStatus = exitStatus;
        }
    }

    private final Path config = Path.of(System.getProperty("es.path.conf"));
    /** The tool itself runs in Elasticsearch's home. */
    private final Path callerDirectory = Path.of(System.getProperty("es.caller.directory"));
    private final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    public static void main(String[] args) throws Exception {
        try {
            new KeystoreTool().run(args);
        } catch (Refusal e) {
            System.err.println("ERROR: " + e.getMessage() + ", with exit code " + e.exitStatus);
            System.exit(e.exitStatus);
        } catch (joptsimple.OptionException e) {
            System.err.println("ERROR: " + e.getMessage() + ", with exit code " + USAGE);
            System.exit(USAGE);
        }
    }

    private void run(String[] args) throws Exception {
        if (args.length == 0) {
            throw new Refusal(USAGE, "Missing command: create, list, show, add, add-file, remove or has-passwd");
        }
        OptionParser parser = new OptionParser();
        parser.acceptsAll(List.of("f", "force"));
        parser.acceptsAll(List.of("x", "stdin"));
        parser.acceptsAll(List.of("s", "silent"));
        OptionSet options = parser.parse(Arrays.copyOfRange(args, 1, args.length));
        List<String> names = options.nonOptionArguments().stream().map(Object::toString).toList();
        switch (args[0]) {
            case "create" -> create();
            case "list" -> new TreeSet<>(load().getSettingNames()).forEach(System.out::println);
            case "show" -> show(names);
            case "add" -> add(names, options.has("f"), options.has("x"));
            case "add-file" -> addFile(names, options.has("f"));
            case "remove" -> remove(names);
            case "has-passwd" -> hasPassword();
            default -> throw new Refusal(USAGE, "Unknown command [" + args[0] + "]");
        }
    }

    private void create() throws Exception {
        if (Files.exists(KeyStoreWrapper.keystorePath(config)) && confirm("An elasticsearch keystore already exists. Overwrite?") == false) {
            System.out.println("Exiting without creating keystore.");
            return;
        }
        save(KeyStoreWrapper.create());
        System.out.println("Created elasticsearch keystore in " + KeyStoreWrapper.keystorePath(config));
    }

    private void show(List<String> names) throws Exception {
        if (names.size() != 1) {
            throw new Refusal(USAGE, "Must provide a single setting name to show");
        }
        KeyStoreWrapper keystore = load();
        requireSetting(keystore, names.get(0));
        System.out.println(keystore.getString(names.get(0)));
    }

    private void add(List<String> names, boolean force, boolean fromInput) throws Exception {
        if (names.isEmpty()) {
            throw new Refusal(USAGE, "The setting names can not be empty");
        }
        KeyStoreWrapper keystore = loadOrCreate(force);
        if (keystore == null) {
            return;
        }
        for (String name : names) {
            if (keystore.getSettingNames().contains(name) && force == false && confirm("Setting " + name + " already exists. Overwrite?") == false) {
                System.out.println("Exiting without modifying keystore.");
                return;
            }
            keystore.setString(name, readValue(name, fromInput));
        }
        save(keystore);
    }

    private char[] readValue(String name, boolean fromInput) throws Exception {
        String value;
        if (fromInput == false && System.console() != null) {
            value = new String(System.console().readPassword("Enter value for %s: ", name));
        } else {
            value = input.readLine();
        }
        if (value == null) {
            throw new Refusal(USAGE, "No value for setting [" + name + "]");
        }
        return value.toCharArray();
    }

    private void addFile(List<String> arguments, boolean force) throws Exception {
        if (arguments.isEmpty() || arguments.size() % 2 != 0) {
            throw new Refusal(USAGE, "settings and filenames must come in pairs");
        }
        KeyStoreWrapper keystore = loadOrCreate(force);
        if (keystore == null) {
            return;
        }
        for (int i = 0; i < arguments.size(); i += 2) {
            String name = arguments.get(i);
            Path file = callerDirectory.resolve(arguments.get(i + 1));
            if (keystore.getSettingNames().contains(name) && force == false && confirm("Setting " + name + " already exists. Overwrite?") == false) {
                System.out.println("Exiting without modifying keystore.");
                return;
            }
            if (Files.exists(file) == false) {
                throw new Refusal(IO_ERROR, "File [" + file + "] does not exist");
            }
            keystore.setFile(name, Files.readAllBytes(file));
        }
        save(keystore);
    }

    private void remove(List<String> names) throws Exception {
        if (names.isEmpty()) {
            throw new Refusal(USAGE, "Must supply at least one setting to remove");
        }
        KeyStoreWrapper keystore = load();
        for (String name : names) {
            requireSetting(keystore, name);
            keystore.remove(name);
        }
        save(keystore);
    }

    private void hasPassword() throws Exception {
        KeyStoreWrapper keystore = KeyStoreWrapper.load(config);
        if (keystore == null) {
            throw new Refusal(CONFIG, "Elasticsearch keystore not found");
        }
        if (keystore.hasPassword() == false) {
            throw new Refusal(1, "Keystore is not password-protected");
        }
        System.out.println("Keystore is password-protected");
    }

    private KeyStoreWrapper load() throws Exception {
        KeyStoreWrapper keystore = KeyStoreWrapper.load(config);
        if (keystore == null) {
            throw new Refusal(
                DATA_ERROR,
                "Elasticsearch keystore not found at [" + KeyStoreWrapper.keystorePath(config) + "]. Use 'create' command to create one."
            );
        }
        if (keystore.hasPassword()) {
            throw new Refusal(USAGE, "this build of the tool handles no keystore that has a password");
        }
        keystore.decrypt(NO_PASSWORD.getChars());
        return keystore;
    }

    /** Null when the user does not want one to be created. */
    private KeyStoreWrapper loadOrCreate(boolean force) throws Exception {
        if (Files.exists(KeyStoreWrapper.keystorePath(config))) {
            return load();
        }
        if (force == false && confirm("The elasticsearch keystore does not exist. Do you want to create it?") == false) {
            System.out.println("Exiting without creating keystore.");
            return null;
        }
        System.out.println("Created elasticsearch keystore in " + KeyStoreWrapper.keystorePath(config));
        return KeyStoreWrapper.create();
    }

    private void requireSetting(KeyStoreWrapper keystore, String name) throws Refusal {
        if (keystore.getSettingNames().contains(name) == false) {
            throw new Refusal(CONFIG, "Setting [" + name + "] does not exist in the keystore.");
        }
    }

    private void save(KeyStoreWrapper keystore) throws Exception {
        keystore.save(config, NO_PASSWORD.getChars());
    }

    /** Asks until the answer is yes or no; nothing, and the end of the input, mean no. */
    private boolean confirm(String question) throws IOException {
        while (true) {
            System.out.print(question + " [y/N]");
            System.out.flush();
            String answer = input.readLine();
            if (answer == null || answer.isEmpty()) {
                return false;
            }
            switch (answer.strip().toLowerCase(Locale.ROOT)) {
                case "y", "yes" -> {
                    return true;
                }
                case "n", "no" -> {
                    return false;
                }
                default -> System.out.println("Did not understand answer '" + answer + "'");
            }
        }
    }
}
