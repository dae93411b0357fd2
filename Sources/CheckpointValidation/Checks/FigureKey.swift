import CheckpointCore
import CheckpointInspection

/// Figures that two tensors of the same elements share: those that have them are worth comparing.
struct FigureKey: Hashable {
  private let shape: Shape
  private let dtype: DType
  private let mean: UInt64
  private let minimum: UInt64
  private let maximum: UInt64

  /// `nil` for constants and single elements, which are alike by nature.
  init?(_ tensor: TensorInfo, _ figures: Statistics) {
    guard figures.count > 1, figures.minimum < figures.maximum else { return nil }
    shape = tensor.shape
    dtype = tensor.dtype
    mean = figures.mean.bitPattern
    minimum = figures.minimum.bitPattern
    maximum = figures.maximum.bitPattern
  }
}
