import ArgumentParser
import CheckpointCore

struct SaviCkpt: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "savi-ckpt",
    abstract:
      "Convert checkpoints between Flax and PyTorch, look inside them, verify and validate them.",
    discussion: """
      Reads NumPy, HDF5 (and Keras), Flax msgpack, safetensors and PyTorch files, whatever their \
      names: the format is recognised by the content.

      Exit codes: 0 fine; 1 a check failed or a difference was found; 2 bad input or a failure to \
      read or write; 64 wrong usage.
      """,
    version: toolVersion,
    subcommands: [
      LsCommand.self, StatsCommand.self, ConvertCommand.self, DescribeCommand.self,
      HashCommand.self, DiffCommand.self, MapCommand.self, RunCommand.self, VerifyCommand.self,
      ValidateCommand.self, SchemaCommand.self, ReportCommand.self, MergeCommand.self,
      FleetCommand.self,
    ])
}
