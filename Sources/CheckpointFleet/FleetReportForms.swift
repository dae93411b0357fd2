import CheckpointCore

extension FleetReport {
  /// JUnit's XML: a suite for the fleet, a case per checkpoint.
  var junit: String {
    let head = "tests=\"\(entries.count)\" failures=\"\(failures.count)\""
    return
      ([
        #"<?xml version="1.0" encoding="UTF-8"?>"#, "<testsuites name=\"savi-ckpt fleet\" \(head)>",
        "  <testsuite name=\"\(markupEscaped(plan.command.joined(separator: " ")))\" \(head) "
          + "errors=\"0\" skipped=\"0\">",
      ] + entries.flatMap(Self.testCase) + ["  </testsuite>", "</testsuites>"])
      .joined(separator: "\n")
  }

  private static func testCase(_ entry: Entry) -> [String] {
    let head =
      "    <testcase classname=\"job \(entry.job)\" name=\"\(markupEscaped(entry.path))\""
    guard let failure = entry.failure else { return [head + "/>"] }
    let details = [failure] + FleetDocument.details(entry.result)
    return [
      head + ">",
      "      <failure type=\"exit code \(entry.exitCode)\" message=\"\(markupEscaped(failure))\">"
        + markupEscaped(details.joined(separator: "\n")) + "</failure>",
      "    </testcase>",
    ]
  }

  /// One page that needs nothing else: a table of all checkpoints.
  var html: String {
    let rows = entries.map { entry in
      let details = FleetDocument.details(entry.result)
      let more =
        details.isEmpty
        ? ""
        : "<details><summary>\(details.count) findings</summary><ul>"
          + details.map { "<li>\(markupEscaped($0))</li>" }.joined() + "</ul></details>"
      return "<tr class=\"\(Self.word(entry))\"><th scope=\"row\">\(markupEscaped(entry.path))</th>"
        + "<td>\(Self.word(entry))</td><td>\(entry.job)</td>"
        + "<td>\(markupEscaped(entry.failure ?? ""))\(more)</td></tr>"
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Fleet of checkpoints</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <h1>Fleet of checkpoints</h1>
      <p>\(markupEscaped(summary))</p>
      <table>
      <thead><tr><th scope="col">Checkpoint</th><th scope="col">Result</th><th scope="col">Job</th>\
      <th scope="col">What was found</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </body>
      </html>
      """
  }

  /// The result in a word.
  private static func word(_ entry: Entry) -> String {
    guard entry.result != nil else { return "missing" }
    return switch entry.exitCode {
    case 0: "passed"
    case 1: "failed"
    default: "unread"
    }
  }

  private static let style = """
    :root { color-scheme: light dark; }
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
    table { border-collapse: collapse; width: 100%; }
    th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; }
    tbody th { font-weight: normal; overflow-wrap: anywhere; }
    .failed td:nth-child(2), .unread td:nth-child(2), .missing td:nth-child(2) \
    { color: light-dark(#b00020, #ff8a80); font-weight: bold; }
    """
}
