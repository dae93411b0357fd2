"""A Slurm cluster of one node on this machine: slurmctld, slurmd and munged, in a folder of its own."""

import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import time

CONFIGURATION = """
ClusterName=savi-ckpt
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

PATH = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ["PATH"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.daemons: list[subprocess.Popen] = []
        for name in ("state", "spool"):
            (folder / name).mkdir()
        configuration = folder / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], folder=folder, controller=free_port(),
            daemon=free_port(), processors=min(2, os.cpu_count() or 1)))
        self.environment = dict(os.environ, SLURM_CONF=str(configuration), PATH=PATH)
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)

    def start(self) -> None:
        self._daemon(
            "munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key",
            f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munged.pid",
            f"--seed-file={self.folder}/munge.seed", f"--log-file={self.folder}/munged.log")
        self._wait("munged has no socket", lambda: (self.folder / "munge.socket").exists())
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-c")
        self._wait("the node is not idle", lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"))

    def stop(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def run(self, *command: str) -> str:
        """The output of a command of Slurm; what it says of a failure is returned too."""
        result = subprocess.run(
            command, env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        return result.stdout

    def submit(self, *arguments: str) -> str:
        """Submits a batch script and returns the number of the job."""
        output = self.run("sbatch", "--parsable", *arguments).strip()
        assert output.isdigit(), output
        return output

    def is_over(self, job: str) -> bool:
        return not self.run("squeue", "-h", "-j", job, "-o", "%T").replace(
            "slurm_load_jobs error: Invalid job id specified", "").strip()

    def wait_for(self, job: str, seconds: float = 180) -> None:
        self._wait(f"job {job} does not end", lambda: self.is_over(job), seconds)

    def codes(self, job: str) -> dict[int, str]:
        """The exit codes of an array's tasks, by their numbers: `1:0` is exit code 1, no signal."""
        codes = {}
        for block in self.run("scontrol", "show", "job", job).split("\n\n"):
            fields = dict(
                field.split("=", 1) for field in block.split() if field.count("=") == 1)
            if "ArrayTaskId" in fields:
                codes[int(fields["ArrayTaskId"])] = fields["ExitCode"]
        return codes

    def _daemon(self, *command: str) -> None:
        program = shutil.which(command[0], path=PATH)
        assert program, f"{command[0]} is not installed: run 'make slurm'"
        with open(self.folder / f"{command[0]}.out", "wb") as output:
            self.daemons.append(subprocess.Popen(
                [program, *command[1:]], env=self.environment, stdout=output, stderr=output))

    def _wait(self, complaint: str, condition, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            for daemon in self.daemons:
                assert daemon.poll() is None, f"{daemon.args[0]} ended:\n{self.logs()}"
            assert time.monotonic() < end, f"{complaint}:\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:]
            for path in sorted(self.folder.glob("*.*")) if path.suffix in (".log", ".out"))
