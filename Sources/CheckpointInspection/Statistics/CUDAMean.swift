/// The float32 mean as PyTorch's CUDA reduction computes it, which the published parameter table
/// shows: its rounding differs from a CPU's, and for a tensor whose true mean is zero the
/// difference is all there is to see.
///
/// Source: aten/src/ATen/native/cuda/Reduce.cuh (one block; vectorised loads of four elements; a
/// tree over the threads of the block, then over the lanes of its first warp).
enum CUDAMean {
  /// From here on a reduction is split over a grid whose size depends on the device.
  static let elementLimit = 524_288

  private static let maximumThreads = 512
  private static let vectorSize = 4
  private static let warpSize = 32

  /// - Parameter values: fewer than `elementLimit` elements, at least one.
  static func mean(_ values: [Float]) -> Float {
    var sums = values.count > 128 ? vectorisedSums(values) : scalarSums(values)
    reduceTree(&sums)
    return sums[0] * (1 / Float(values.count))
  }

  /// Thread t adds the groups of four t, t + T, … lane by lane; the elements after the last whole
  /// group go to the first accumulator of the first threads.
  private static func vectorisedSums(_ values: [Float]) -> [Float] {
    let groups = values.count / vectorSize
    let threads = min(maximumThreads, powerOfTwo(atMost: groups))
    var lanes = [SIMD4<Float>](repeating: .zero, count: threads)
    for group in 0..<groups {
      let start = group * vectorSize
      lanes[group % threads] += SIMD4(
        values[start], values[start + 1], values[start + 2], values[start + 3])
    }
    for (thread, index) in (groups * vectorSize..<values.count).enumerated() {
      lanes[thread].x += values[index]
    }
    return lanes.map { $0.x + $0.y + $0.z + $0.w }
  }

  /// Thread t adds the elements t, t + T, …, the j-th into accumulator j mod 4.
  private static func scalarSums(_ values: [Float]) -> [Float] {
    let threads = powerOfTwo(atMost: values.count)
    var lanes = [SIMD4<Float>](repeating: .zero, count: threads)
    for (index, value) in values.enumerated() {
      lanes[index % threads][(index / threads) % vectorSize] += value
    }
    return lanes.map { $0.x + $0.y + $0.z + $0.w }
  }

  private static func reduceTree(_ sums: inout [Float]) {
    var offset = sums.count / 2
    while offset >= warpSize {
      for thread in 0..<offset { sums[thread] += sums[thread + offset] }
      offset /= 2
    }
    let lanes = min(warpSize, sums.count)
    offset = 1
    while offset < lanes {
      // All lanes shuffle at once: each reads its neighbour's value from before the step; a lane
      // whose neighbour lies past the end reads its own.
      let before = Array(sums[..<lanes])
      for lane in 0..<lanes {
        sums[lane] += before[lane + offset < lanes ? lane + offset : lane]
      }
      offset *= 2
    }
  }

  private static func powerOfTwo(atMost limit: Int) -> Int {
    limit < 1 ? 1 : 1 << (Int.bitWidth - 1 - limit.leadingZeroBitCount)
  }
}
