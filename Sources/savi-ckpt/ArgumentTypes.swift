public import ArgumentParser
public import CheckpointCore
public import CheckpointInspection

// The values an option takes are the names the libraries give them.
extension FormatName: ExpressibleByArgument {}
extension DType: ExpressibleByArgument {}
extension ParameterTable.Style: ExpressibleByArgument {}
extension ParameterTable.Output: ExpressibleByArgument {}
extension ParameterTable.Order: ExpressibleByArgument {}
