import ArgumentParser

/// A form of a report, and where it goes: `text`, or `sarif=weights.sarif`.
struct OutputTarget<Form: RawRepresentable<String>>: ExpressibleByArgument {
  let form: Form
  /// `nil` for standard output.
  let file: String?

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let form = Form(rawValue: String(parts[0])) else { return nil }
    self.form = form
    file = parts.count == 2 ? String(parts[1]) : nil
    guard file != "" else { return nil }
  }
}

/// Makes sure that one form at most is to be printed.
func checkPrinted<Form>(_ targets: [OutputTarget<Form>], _ report: ReportOptions) throws {
  guard targets.count(where: { $0.file == nil }) + (report.json ? 1 : 0) <= 1 else {
    throw ValidationError(
      "Only one form can be printed: give the others a file, --output FORM=FILE.")
  }
}
