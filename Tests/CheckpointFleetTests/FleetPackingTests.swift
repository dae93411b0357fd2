import Foundation
import Testing

@testable import CheckpointFleet

@Suite("Checkpoints are packed into jobs of like size")
struct FleetPackingTests {
  /// Sizes of 10,000 checkpoints as a public hub has them: half below 500 MB, one in a hundred beyond
  /// 30 GB, a few of hundreds (a log-normal distribution).
  private let sizes: [Int] = {
    var state: UInt64 = 7
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Double(state >> 11) + 0.5) / Double(1 << 53)
    }
    return (0..<10_000).map { _ in
      let normal = (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
      return Int(min(1e12, exp(20 + 1.9 * normal)))
    }
  }()

  @Test("no job is more than a tenth longer than it must be", arguments: [1, 16, 256])
  func makespan(workers: Int) throws {
    let packed = FleetPacking.pack(sizes, jobs: workers)
    #expect(packed.count == workers)
    var loads = [Int](repeating: 0, count: workers)
    for (size, job) in zip(sizes, packed.jobs) { loads[job] += size }
    let bound = max(try #require(sizes.max()), sizes.reduce(0, +) / workers)
    #expect(Double(try #require(loads.max())) <= 1.1 * Double(bound))
    #expect(loads == loads.sorted(by: >))
  }

  @Test("there are no more jobs than checkpoints, and every job has some")
  func fewItems() {
    let packed = FleetPacking.pack([5, 0, 3], jobs: 8)
    #expect(packed.count == 3 && Set(packed.jobs) == [0, 1, 2])
    #expect(FleetPacking.pack([], jobs: 4).count == 1)
  }
}
