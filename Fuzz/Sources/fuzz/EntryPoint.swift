import Checkpoints

/// What libFuzzer calls at its start: this program is also the one that describes HDF5 files.
@c public func LLVMFuzzerInitialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> CInt {
  HDF5Helper.runIfAsked()
  return 0
}

/// What libFuzzer calls with every input. The target is the one that `--target=NAME` names:
/// libFuzzer leaves options with two dashes to us.
@c public func LLVMFuzzerTestOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosenTarget(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

private let chosenTarget: FuzzTarget = {
  let option = "--target="
  let name = CommandLine.arguments.first { $0.hasPrefix(option) }?.dropFirst(option.count) ?? ""
  guard let target = fuzzTargets[String(name)] else {
    fatalError("no such target: '\(name)'; there are \(fuzzTargets.keys.sorted())")
  }
  return target
}()
