public import ArgumentParser
public import CheckpointCore
public import CheckpointInspection
import CheckpointValidation
public import SAVIModel

// The values an option takes are the names the libraries give them.
extension FormatName: ExpressibleByArgument {
  public init?(argument: String) {
    self.init(rawValue: argument)
    guard Self.builtIn.contains(self) else { return nil }
  }

  public static var allValueStrings: [String] { builtIn.map(\.rawValue) }
}
extension DType: ExpressibleByArgument {}
extension ParameterTable.Style: ExpressibleByArgument {}
extension ParameterTable.Output: ExpressibleByArgument {}
extension ParameterTable.Order: ExpressibleByArgument {}
extension ReferenceModel.Precision: ExpressibleByArgument {}
extension CalendarDay: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

/// `--conventions`.
public enum ConventionsName: String, ExpressibleByArgument, CaseIterable, Sendable {
  case port, flax

  var value: Conventions { self == .flax ? .flax : .port }
}
