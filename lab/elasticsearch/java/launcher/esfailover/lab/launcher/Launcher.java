package esfailover.lab.launcher;

import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.KeyValuePair;

import org.elasticsearch.Build;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.SecureString;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Starts one Elasticsearch node. Takes the place of Elastic's server launcher, which is not on Maven Central, and differs from it in
 * two ways: there are no bootstrap checks, and the code runs without entitlements.
 *
 * <p>System properties: {@code es.path.home}, {@code es.path.conf}.
 */
public final class Launcher {
    /** A node that cannot close its shards within this time is ended anyway; the translog has what is needed. */
    private static final long CLOSE_TIMEOUT_SECONDS = 30;

    private final OptionParser parser = new OptionParser();
    private final OptionSpec<KeyValuePair> setting = parser.acceptsAll(List.of("E"), "a node setting").withRequiredArg().ofType(KeyValuePair.class);
    private final OptionSpec<Path> pidFile = parser.acceptsAll(List.of("p", "pidfile"), "where to write the process id")
        .withRequiredArg()
        .withValuesConvertedBy(new joptsimple.util.PathConverter());
    private final OptionSpec<Void> version = parser.acceptsAll(List.of("V", "version"), "print the version");
    private final OptionSpec<Void> quiet = parser.acceptsAll(List.of("q", "quiet"), "accepted as Elastic's launcher does; output goes to the journal");
    private final OptionSpec<Void> endWithStdin = parser.acceptsAll(List.of("end-with-stdin"), "end when standard input ends, for tests");

    public static void main(String[] args) throws Exception {
        new Launcher().run(args);
    }

    private void run(String[] args) throws Exception {
        OptionSet options = parser.parse(args);
        if (options.has(version)) {
            Build build = Build.current();
            System.out.printf(
                "Version: %s, Build: %s/%s/%s, JVM: %s%n",
                build.qualifiedVersion(), build.type().displayName(), build.hash(), build.date(), Runtime.version()
            );
            return;
        }
        Path home = Path.of(System.getProperty("es.path.home"));
        Path config = Path.of(System.getProperty("es.path.conf"));
        KeyStoreWrapper secrets = KeyStoreWrapper.bootstrap(config, () -> new SecureString(new char[0]));
        Environment environment = environment(options, home, config, secrets);
        LogConfigurator.setNodeName(Node.NODE_NAME_SETTING.get(environment.settings()));
        LogConfigurator.registerErrorListener();
        LogConfigurator.configure(environment, true);
        if (options.has(pidFile)) {
            Files.writeString(options.valueOf(pidFile), ProcessHandle.current().pid() + "\n");
        }
        start(environment);
        secrets.close();
        tellServiceManager();
        if (options.has(endWithStdin)) {
            endWithStandardInput();
        }
        Thread.currentThread().join();
    }

    private Environment environment(OptionSet options, Path home, Path config, KeyStoreWrapper secrets) {
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (KeyValuePair pair : options.valuesOf(setting)) {
            settings.put(pair.key, pair.value);
        }
        settings.setSecureSettings(secrets);
        return InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), config, Launcher::hostName);
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            return "node";
        }
    }

    private static void start(Environment environment) {
        try {
            PluginsLoader plugins = PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
                PluginsLoader.loadPluginsBundles(environment.pluginsDir(), false),
                Map.of(),
                false
            );
            Node node = new Node(environment, plugins);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node), "close-node"));
            node.start();
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void close(Node node) {
        try {
            node.close();
            node.awaitClose(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    /** Java has no datagram sockets in the file system, so systemd's own tool reports that the service is ready. */
    private static void tellServiceManager() throws IOException, InterruptedException {
        if (System.getenv("NOTIFY_SOCKET") == null) {
            return;
        }
        int status = new ProcessBuilder("systemd-notify", "--ready").inheritIO().start().waitFor();
        if (status != 0) {
            System.err.println("systemd-notify --ready ended with exit status " + status);
        }
    }

    private static void endWithStandardInput() {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // only the end is of interest
                }
            } catch (IOException e) {
                // as good as the end
            }
            Runtime.getRuntime().halt(0);
        }, "end-with-stdin");
        watcher.setDaemon(true);
        watcher.start();
    }
}
