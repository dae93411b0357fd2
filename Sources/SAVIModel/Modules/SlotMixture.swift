import ReferenceLayers

/// The images of a frame's slots, mixed by their masks.
struct SlotMixture<Scalar: ModelScalar>: Sendable {
  /// The decoder's stages, each with the extents it has per frame.
  private(set) var intermediates: Intermediates<Scalar>
  /// (pixels): the first slot with the largest logit
  let segmentations: [Int32]

  /// - Parameter size: height and width of the frame.
  init(
    _ images: [SpatialBroadcastDecoder<Scalar>.Image], _ decoder: SpatialBroadcastDecoder<Scalar>,
    size: [Int], wanted: Set<StageName>, _ trace: Trace<Scalar>?
  ) {
    intermediates = Intermediates(wanted: wanted)
    let logits = Tensor(
      [images.count, images[0].logits.rows], images.flatMap(\.logits.values))
    let alphas = logits.softmaxOverRows()  // (S, pixels), summing to 1 over the slots
    segmentations = Self.firstLargest(logits)
    let slots = [images.count] + size
    intermediates.keep(.alphaLogits, logits.reshaped(slots + [1]))
    intermediates.keep(.alphas, alphas.reshaped(slots + [1]))
    for index in images[0].parts.indices {
      let parts = images.map { $0.parts[index] }
      let mixed = Self.mix(parts, alphas)
      let frame = size + [mixed.width]
      if decoder.mixesBeforeReadout {
        intermediates.keep(.decFused, mixed.reshaped(frame))
        readOut(mixed, decoder, size, trace)
        continue
      }
      let target = decoder.readouts[index].target
      intermediates.keep(target, mixed.reshaped(frame))
      guard target == .flow else { continue }
      let shape = [images.count] + frame
      intermediates.keep(.flowSlots, Tensor(shape, parts.flatMap(\.values)))
      intermediates.keep(.flowMasked, Tensor(shape, Self.masked(parts, alphas)))
    }
  }

  /// Every target of a mixture of features, (pixels, D).
  private mutating func readOut(
    _ mixed: Tensor<Scalar>, _ decoder: SpatialBroadcastDecoder<Scalar>, _ size: [Int],
    _ trace: Trace<Scalar>?
  ) {
    for (target, layer) in decoder.readouts {
      let y = layer(mixed, trace).reshaped(size + [layer.outputs])
      intermediates.keep(target, y)
      if target == .flow { intermediates.keep(.flowSlots, y) }
    }
  }

  /// Σ over the slots of parts · alphas: (pixels, C).
  private static func mix(_ parts: [Tensor<Scalar>], _ alphas: Tensor<Scalar>) -> Tensor<Scalar> {
    var sum = Tensor<Scalar>(zeros: parts[0].shape)
    let (pixels, channels) = (alphas.width, sum.width)
    // All parts have the sum's shape, and alphas a row of its pixels for each.
    unsafe sum.values.withUnsafeMutableBufferPointer { sum in
      for (slot, part) in parts.enumerated() {
        unsafe part.values.withUnsafeBufferPointer { part in
          for pixel in 0..<pixels {
            let alpha = alphas.values[slot * pixels + pixel]
            for index in pixel * channels..<(pixel + 1) * channels {
              unsafe sum[index] += part[index] * alpha
            }
          }
        }
      }
    }
    return sum
  }

  /// parts · alphas: (S, pixels, C).
  private static func masked(_ parts: [Tensor<Scalar>], _ alphas: Tensor<Scalar>) -> [Scalar] {
    parts.enumerated().flatMap { slot, part in
      part.values.indices.map {
        part.values[$0] * alphas.values[slot * alphas.width + $0 / part.width]
      }
    }
  }

  private static func firstLargest(_ logits: Tensor<Scalar>) -> [Int32] {
    var largest = [Scalar](repeating: -.infinity, count: logits.width)
    var slots = [Int32](repeating: 0, count: logits.width)
    for slot in 0..<logits.rows {
      for pixel in 0..<logits.width {
        let logit = logits.values[slot * logits.width + pixel]
        if logit > largest[pixel] {
          largest[pixel] = logit
          slots[pixel] = Int32(slot)
        }
      }
    }
    return slots
  }
}
