/**
 * The argv that runs a program of the tools root (debian-root.ts: HAProxy 3.0, etcd 3.5) in this machine's network. The
 * process that it starts becomes the program, so signals reach it. The root is below an overlay that ends with the
 * program: what it writes outside `directories` is lost.
 * @param root result of `toolsRootDirectory()`
 * @param directories absolute paths of this machine that the program sees under the same names
 */
export function toolsCommand(root: string, argv: readonly string[], directories: readonly string[] = []): string[] {
  const script = [
    "set -e",
    'root=$0; cd "$root"',
    "mount -t tmpfs tmpfs mnt",
    "mkdir mnt/upper mnt/work",
    'mount -t overlay overlay -o "lowerdir=$root,upperdir=$root/mnt/upper,workdir=$root/mnt/work" "$root"',
    'cd "$root"',
    "mount --rbind /dev dev; mount --rbind /proc proc",
    "printf '127.0.0.1 localhost\\n::1 localhost\\n' > etc/hosts",
    'while [ "$1" != -- ]; do mkdir -p "./$1"; mount --bind "$1" "./$1"; shift; done; shift',
    'exec chroot . "$@"',
  ].join("\n");
  const environment = ["env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
  return [
    ...["unshare", "--mount", "--propagation", "private", "sh", "-c", script, root],
    ...[...directories, "--", ...environment, ...argv],
  ];
}
