// Times the forward pass of a checkpoint in memory: `ForwardPassBenchmark FILE FRAMES RUNS`.
// Prints the milliseconds of each run, then the machine's sgemm rate in floating-point operations
// per second and the multiplications and additions of the pass as its definition has them.
import CheckpointFormats
import CheckpointMapping
import ReferenceLayers
import SAVIModel

let arguments = CommandLine.arguments
guard arguments.count == 4, let frames = Int(arguments[2]), let runs = Int(arguments[3]) else {
  print("usage: ForwardPassBenchmark FILE FRAMES RUNS")
  throw ExitError.usage
}
let threads = 2
let checkpoint = try Checkpoint(path: arguments[1])
let models = try BuiltInModels.names.compactMap { try BuiltInModels.model($0) }
let plan = try ModelMatcher.planEitherWay(checkpoint.entries, models: models)
let reference = try ReferenceModel(plan, checkpoint.reader, checkpoint.entries)
let model = try reference.prepared(.port)
let clip = try Clip.synthetic(
  frames: frames, height: reference.architecture.frameHeight,
  width: reference.architecture.frameWidth)
let clock = ContinuousClock()
for _ in 0...runs {
  let time = try clock.measure { _ = try model.run(clip, threads: threads) }
  print(Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3)
}
print(try MatrixProductRate.measure(threads: threads))
print(reference.architecture.convolutionOperations(frames: frames, slots: clip.slots))

enum ExitError: Error { case usage }
