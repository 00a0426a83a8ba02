"""Limits of resources, full disks, and machines where something is missing.

A case is PROGRAM SCENARIO LIMIT VALUE; LIMITS and PLACES say what that does.
Those of PLACES need root.
"""

import os
import shlex
import signal

from scenarios import SCENARIOS, Scenes, judge

# By prlimit(1): from what to what. Sizes are KiB.
LIMITS = {
    "as": (1000, 120000), "data": (0, 40000), "nofile": (3, 40),
    "fsize": (0, 400), "cpu": (1, 2), "stack": (8, 900), "nproc": (0, 3),
    "memlock": (0, 100), "core": (0, 10),
}
KIB = {"as", "data", "fsize", "stack", "memlock", "core"}
# By the shell, in a mount namespace; {size} is KiB, folders are the scene's.
PLACES = {
    "full /tmp": "mkdir -p {home}/tmp && mount -t tmpfs -o "
                 "size={size}k none {home}/tmp && "
                 "mount --bind {home}/tmp /var/tmp",
    "full cache": "mount -t tmpfs -o size={size}k,mode=700 none {home}",
    "full images": "mount -t tmpfs -o size={size}k,mode=700 none "
                   "{folder}/images/{name}",
    "full log": "mount -t tmpfs -o size=4k none {home} && "
                "exec 2>>{home}/log && yes >&2 2>/dev/null || true",
    "no /proc": "mount -t tmpfs none /proc",
    "no /dev": "mount -t tmpfs none /dev",
    "read-only": "mount -o remount,bind,ro / ; "
                 "mount -o bind,ro {folder} {folder}",
}
NAMESPACES = {
    "pid": "--pid --fork --kill-child", "user": "--user", "root": "--user "
    "--map-root-user", "net": "--net", "ipc": "--ipc", "uts": "--uts",
    "proc": "--pid --fork --kill-child --mount-proc"}
# Root may have any number of processes.
NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# The kernel itself ends what has no room for its own stack.
KILLED = {"stack": (signal.SIGKILL, signal.SIGSEGV),
          "as": (signal.SIGKILL, signal.SIGSEGV),
          "data": (signal.SIGKILL, signal.SIGSEGV)}


class Part:
    """A scene of each program."""

    GOAL = 10_000

    def __init__(self, random, given):
        self.random = random
        self.scenes = Scenes()
        self.close = self.scenes.close

    def cases(self):
        kinds = [("rlimit", name) for name in LIMITS]
        kinds += [("in", name) for name in NAMESPACES]
        if os.getuid() == 0:
            kinds += [("place", name) for name in PLACES]
        while True:
            for kind, name in self.random.sample(kinds, len(kinds)):
                for program in ("static", "shared"):
                    value = self.random.randint(*LIMITS.get(name, (4, 200)))
                    scenario = self.random.choice(list(SCENARIOS))
                    yield f"{program}|{scenario}|{kind}|{name}|{value}"

    def try_case(self, case):
        program, name, kind, limit, value = case.split("|")
        scene = self.scenes[program]
        outcome = scene.start(name, before=self.command(
            scene, name, kind, limit, int(value)))
        return judge(SCENARIOS[name], outcome, mute=limit in (
            "full log", "fsize"), killed=KILLED.get(limit, ()))

    def command(self, scene, name, kind, limit, value):
        """What is put before the script's name."""
        if kind == "rlimit":
            size = value * 1024 if limit in KIB else value
            return [*(NOBODY if limit == "nproc" and os.getuid() == 0 else []),
                    "/usr/bin/prlimit", f"--{limit}={size}:{size}"]
        if kind == "in":
            return ["/usr/bin/unshare", *shlex.split(NAMESPACES[limit])]
        text = PLACES[limit].format(
            size=value, folder=scene.folder, home=scene.home, name=name)
        if limit == "full images" and not SCENARIOS[name].preload:
            text = "true"
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                text + ' || exit 9; exec "$0"']
