import Bytes
import ReferenceLayers

/// Slot Attention for Video (Kipf et al., "Conditional Object-Centric Learning from Video",
/// ICLR 2022, arXiv:2111.12594), conditioned on boxes. Frames are encoded and slots decoded side
/// by side; only the slots' way through time is sequential.
struct SAVi<Scalar: ModelScalar>: Sendable {
  let encoder: FrameEncoder<Scalar>
  let initializer: StateInit<Scalar>
  let corrector: SlotAttention<Scalar>
  let predictor: TransformerBlock<Scalar>
  let decoder: SpatialBroadcastDecoder<Scalar>
  private let workspaces = WorkspacePool<Scalar>()

  init(
    encoder: FrameEncoder<Scalar>, initializer: StateInit<Scalar>,
    corrector: SlotAttention<Scalar>, predictor: TransformerBlock<Scalar>,
    decoder: SpatialBroadcastDecoder<Scalar>
  ) {
    self.encoder = encoder
    self.initializer = initializer
    self.corrector = corrector
    self.predictor = predictor
    self.decoder = decoder
  }

  /// - Parameters:
  ///   - wanted: the stages to return; the decoder runs only where one of its own is among them.
  ///   - trace: records every layer's output for one frame; no other is decoded then.
  func callAsFunction(
    _ clip: Clip, wanted: Set<StageName>, threads: Int, trace: Trace<Scalar>? = nil
  ) throws -> [Stage] {
    try BLAS.require()
    let encoded = try encode(clip, wanted: wanted, threads: threads, trace)
    let tracks = try follow(clip, encoded, threads: threads, trace)
    var stages = Stages<Scalar>(clip: clip, wanted: wanted)
    stages.add(encoded.map(\.intermediates))
    stages.add(.initSlots, tracks.map(\.initial), perFrame: false)
    stages.add(.attn, tracks.flatMap(\.attention)) { [1] + $0 }
    stages.add(.corrected, tracks.flatMap(\.corrected))
    stages.add(.predicted, tracks.flatMap(\.predicted))
    guard wanted.contains(where: \.isDecoded) else { return stages.list }
    let frames = try decode(
      tracks.flatMap(\.corrected), clip, wanted: wanted, threads: threads, trace)
    guard trace == nil else { return stages.list }
    stages.add(frames.map(\.intermediates))
    stages.add(
      .segmentations, frameShape: [clip.height, clip.width, 1],
      .int32(frames.flatMap(\.segmentations)))
    return stages.list
  }

  private struct Encoded: Sendable {
    let intermediates: Intermediates<Scalar>
    let keys: Tensor<Scalar>
    let values: Tensor<Scalar>
  }

  /// Every frame's features, with their keys and values, (K, attention).
  private func encode(
    _ clip: Clip, wanted: Set<StageName>, threads: Int, _ trace: Trace<Scalar>?
  ) throws -> [Encoded] {
    try inParallel(clip.batch * clip.frames, threads: threads) { index, workspace in
      let (item, time) = index.quotientAndRemainder(dividingBy: clip.frames)
      let trace = trace?.at(clip: item, frame: time)
      var intermediates = Intermediates<Scalar>(wanted: wanted)
      let encoded = encoder(clip.frame(item, time), &intermediates, workspace, trace)
      let (keys, values) = corrector.keysAndValues(encoded, trace)
      return Encoded(intermediates: intermediates, keys: keys, values: values)
    }
  }

  private struct Track: Sendable {
    /// (S, slot)
    let initial: Tensor<Scalar>
    /// Per frame, (S, K), then (S, slot) twice.
    var attention: [Tensor<Scalar>] = []
    var corrected: [Tensor<Scalar>] = []
    var predicted: [Tensor<Scalar>] = []
  }

  /// The slots of every clip through its frames: corrected by each, predicted for the next.
  private func follow(
    _ clip: Clip, _ encoded: [Encoded], threads: Int, _ trace: Trace<Scalar>?
  ) throws -> [Track] {
    try inParallel(clip.batch, threads: threads) { item, _ in
      var slots = initializer(clip.boxes(item), trace?.clip == item ? trace : nil)
      var track = Track(initial: slots)
      for time in 0..<clip.frames {
        let trace = trace?.at(clip: item, frame: time)
        let frame = encoded[item * clip.frames + time]
        let (attention, corrected) = corrector(
          slots, keys: frame.keys, values: frame.values, trace)
        slots = predictor(corrected, trace)
        track.attention.append(attention)
        track.corrected.append(corrected)
        track.predicted.append(slots)
      }
      return track
    }
  }

  /// Bytes of slots' images held at once: they are mixed frame by frame.
  private static var imageBytes: Int { 128 << 20 }

  /// The frames that the slots of each, (S, slot), stand for.
  private func decode(
    _ slots: [Tensor<Scalar>], _ clip: Clip, wanted: Set<StageName>, threads: Int,
    _ trace: Trace<Scalar>?
  ) throws -> [SlotMixture<Scalar>] {
    let positions = decoder.positionEmbedding.projected(trace)
    let traced = trace.map { $0.clip * clip.frames + $0.frame }
    let decoded = slots.indices.filter { traced == nil || $0 == traced }
    let count = slots.first?.rows ?? 0
    let atOnce = max(
      1, Self.imageBytes / (count * decoder.imageCount * MemoryLayout<Scalar>.stride))
    return try stride(from: 0, to: decoded.count, by: atOnce).flatMap { start in
      let frames = decoded[start..<min(start + atOnce, decoded.count)]
      let images = try inParallel(frames.count * count, threads: threads) { index, workspace in
        let (frame, slot) = index.quotientAndRemainder(dividingBy: count)
        let all = slots[frames[frames.startIndex + frame]]
        return decoder(
          all.values[slot * all.width..<(slot + 1) * all.width], positions: positions, item: slot,
          workspace, trace)
      }
      return try inParallel(frames.count, threads: threads) { frame, _ in
        SlotMixture(
          Array(images[frame * count..<(frame + 1) * count]), decoder,
          size: [clip.height, clip.width], wanted: wanted, trace)
      }
    }
  }

  /// The results of `body` for 0 ..< `count`, in order.
  private func inParallel<R: Sendable>(
    _ count: Int, threads: Int, _ body: @Sendable (Int, Workspace<Scalar>) throws -> R
  ) throws -> [R] {
    try parallelMap(count, threads: threads) { index in
      try workspaces.withWorkspace { try body(index, $0) }
    }
  }
}
