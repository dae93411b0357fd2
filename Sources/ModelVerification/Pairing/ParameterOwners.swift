package import CheckpointMapping
import ReferenceLayers

/// Which modules own the same parameters, by a mapping between the two models.
package struct ParameterOwners: Sendable {
  /// For both sides, the targets of the mapping that a module's parameters make, by its path there.
  private let source: [String: Set<Int>]
  private let converted: [String: Set<Int>]
  private let sourcePaths: PathJoin
  private let convertedPaths: PathJoin

  /// - Parameter weights: the two checkpoints, whose names tell the members of families best: a scan
  ///   records no call of its cell.
  /// - Throws: `CheckpointError` where the mapping contradicts itself.
  package init(
    _ mapping: ModelDocument, _ source: Recording, _ converted: Recording,
    weights: (source: ModelWeights?, converted: ModelWeights?)
  ) throws {
    let sides = [
      weights.source?.entries ?? source.parameters,
      weights.converted?.entries ?? converted.parameters,
    ]
    let targets =
      try sides.map { try CompiledMapping(mapping, for: $0).targets }
      .max { $0.count < $1.count } ?? []
    var owned: [[String: Set<Int>]] = [[:], [:]]
    for (number, target) in targets.enumerated() {
      for name in target.origin.sources {
        owned[0][Self.owner(ModelWeights.key(name)), default: []].insert(number)
      }
      owned[1][Self.owner(ModelWeights.key(target.name)), default: []].insert(number)
    }
    // The mapping may lead either way.
    func join(_ side: Int, _ recording: Recording) -> (PathJoin, Int) {
      let owners = Set(owned[side].keys)
      let join = PathJoin(owners: owners, calls: recording.calls)
      return (join, recording.calls.count { owners.contains(join.owner($0.path)) })
    }
    let forward = (join(0, source), join(1, converted))
    let reverse = (join(1, source), join(0, converted))
    let isForward =
      forward.0.1 + forward.1.1 >= reverse.0.1 + reverse.1.1
    let chosen = isForward ? forward : reverse
    (sourcePaths, convertedPaths) = (chosen.0.0, chosen.1.0)
    self.source = owned[isForward ? 0 : 1]
    self.converted = owned[isForward ? 1 : 0]
  }

  private static func owner(_ key: String) -> String {
    key.split(separator: ".").dropLast().joined(separator: ".")
  }

  /// How much two calls have in common of their parameters' targets, from 0 to 1; `nil` where the
  /// mapping does not say of one of them.
  static func share(_ x: Set<Int>, _ y: Set<Int>) -> Double? {
    guard !x.isEmpty, !y.isEmpty else { return nil }
    return Double(x.intersection(y).count) / Double(x.union(y).count)
  }

  /// The mapping's targets that a call's parameters make.
  func targets(_ call: RecordedCall, _ side: RunSide) -> Set<Int> {
    switch side {
    case .source: Self.targets(source, sourcePaths.owner(call.path), call)
    case .converted: Self.targets(converted, convertedPaths.owner(call.path), call)
    }
  }

  /// The path in its checkpoint of what a call computes with, where that is another module's: a scan
  /// has its weights in the cell.
  func owner(of pair: CallPairing.Pair, _ side: RunSide) -> String? {
    let (owners, others) = side == .source ? (source, converted) : (converted, source)
    let counterpart = side == .source ? pair.converted : pair.source
    let path = (side == .source ? convertedPaths : sourcePaths).owner(counterpart.path)
    let targets = Self.targets(others, path, counterpart)
    let found = owners.filter { !$0.value.isDisjoint(with: targets) }.keys
    guard let first = found.first else { return nil }
    var common = first.split(separator: ".")[...]
    for owner in found {
      let parts = owner.split(separator: ".")
      while !parts.starts(with: common) { common = common.dropLast() }
    }
    return common.isEmpty ? nil : common.joined(separator: ".")
  }

  private static func targets(
    _ owners: [String: Set<Int>], _ path: String, _ call: RecordedCall
  ) -> Set<Int> {
    guard call.definition?.isComposite ?? false else { return owners[path] ?? [] }
    return owners.reduce(into: []) { result, owner in
      if owner.key == path || owner.key.hasPrefix(path + ".") { result.formUnion(owner.value) }
    }
  }
}
