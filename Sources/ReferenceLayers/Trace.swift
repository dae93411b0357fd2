package import CheckpointCore
import Synchronization

/// Which layer of a model: what its outputs are joined on, wherever two runs are compared.
package struct LayerIdentity: Hashable, Sendable, CustomStringConvertible {
  /// The module's path in the PyTorch hierarchy.
  package let path: TensorName
  /// Which of the module's intermediates, where it has several.
  package let part: String?

  package init(_ path: TensorName, part: String? = nil) {
    self.path = path
    self.part = part
  }

  package var description: String { part.map { "\(path) (\($0))" } ?? path.text }
}

/// Every layer's output for one frame of one clip, in the order in which the layers run: what tells
/// at which layer two models part.
package final class Trace<Scalar: ModelScalar>: Sendable {
  /// The clip of the batch and the frame that are recorded.
  package let clip: Int
  package let frame: Int

  private struct Records {
    var order: [LayerIdentity] = []
    var outputs: [LayerIdentity: [Int: [Scalar]]] = [:]
  }
  private let records = Mutex(Records())

  package init(clip: Int, frame: Int) {
    self.clip = clip
    self.frame = frame
  }

  /// This trace, where it is about that frame.
  package func at(clip: Int, frame: Int) -> Trace? {
    clip == self.clip && frame == self.frame ? self : nil
  }

  /// - Parameter item: which of the images that a layer sees in turn.
  package func record(_ layer: LayerIdentity, item: Int = 0, _ values: [Scalar]) {
    records.withLock { records in
      if records.outputs[layer] == nil { records.order.append(layer) }
      records.outputs[layer, default: [:]][item] = values
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func record(_ layer: LayerIdentity, _ output: Tensor<Scalar>) {
    record(layer, output.values)
  }

  /// Each layer with its output, the items one after another.
  package var layers: [(layer: LayerIdentity, output: [Scalar])] {
    records.withLock { records in
      records.order.map { name in
        let items = (records.outputs[name] ?? [:]).sorted { $0.key < $1.key }
        return (name, items.flatMap(\.value))
      }
    }
  }
}
