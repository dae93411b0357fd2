import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import CheckpointMapping

extension Checkpoint {
  var listing: CheckpointListing {
    CheckpointListing(entries, formatDescription: formatDescription)
  }

  /// What the checkpoint is, with the built-in model that its parameters are, in whichever layout.
  func description() throws -> CheckpointDescription {
    let models = try BuiltInModels.all()
    // None or several that fit are no known model.
    let plan = try? ModelMatcher.planEitherWay(entries, models: models)
    let model = plan.map { plan in
      let sides = plan.model.sides
      return CheckpointDescription.KnownModel(
        name: plan.model.name,
        side: ModelDocument.Sides.title(plan.direction == .forward ? sides.source : sides.target))
    }
    return CheckpointDescription(
      path: path, format: format, listing: listing, model: model)
  }
}
