import CheckpointCore
import DamageCorpus
import Foundation
import TestSupport
import Testing

@Suite("report, by the real binary")
struct ReportCommandTests {
  private typealias Tensor = SafetensorsFile.Tensor

  /// The document of `report --json` on the tensors.
  private func report(_ tensors: [Tensor], _ more: [String] = []) throws -> JSONValue {
    let folder = try TemporaryFolder()
    let file = try folder.write("x.safetensors", SafetensorsFile(tensors).bytes)
    let run = try runCommand(["report", file, "--json"] + more)
    #expect(run.status == 0, "\(run.error)")
    return try JSONParser.parse(Array(run.output.utf8))
  }

  private func items(_ value: JSONValue?) -> [JSONValue] {
    if case .array(let items)? = value { items } else { [] }
  }

  private func text(_ value: JSONValue?) -> String {
    if case .string(let text)? = value { text } else { "" }
  }

  private func flags(_ tensor: JSONValue) -> [String] {
    items(tensor["flags"]).map { text($0["kind"]) }
  }

  @Test("a histogram has one bar per power of two, of each sign; the rest is counted apart")
  func histogram() throws {
    let values: [Float] = [0, -0.0, 1, 1.99, 2, -4, .nan, .infinity, 0.5, 7]
    let document = try report([Tensor("x", [10], values)])
    let tensor = items(document["tensors"])[0]
    #expect(tensor["histogram"]?["first_exponent"] == .int(-1))
    #expect(tensor["histogram"]?["positive"] == .ints([1, 2, 1, 1]))
    #expect(tensor["histogram"]?["negative"] == .ints([0, 0, 0, 1]))
    #expect(tensor["zeros"] == .int(2))
    #expect(tensor["nan"] == .int(1) && tensor["infinite"] == .int(1))
  }

  @Test(
    "histograms count every number, whatever the dtype",
    arguments: ["int8", "uint16", "int64", "float16", "float32", "float64"])
  func dtypes(_ dtype: String) throws {
    let run = try runCommand(
      ["report", fixture("numpy/dtypes.npz"), "--include", "^\(dtype)$", "--json"])
    #expect(run.status == 0, "\(run.error)")
    let tensor = items(try JSONParser.parse(Array(run.output.utf8))["tensors"])[0]
    // 0 to 5.
    #expect(tensor["zeros"] == .int(1))
    #expect(tensor["histogram"]?["positive"] == .ints([1, 2, 2]))
    let brain = Tensor("x", "BF16", [6], rampBytes(.bfloat16, count: 6))
    let second = items(try report([brain])["tensors"])[0]
    #expect(second["histogram"] == tensor["histogram"])
  }

  @Test("quantiles lie near the true ones")
  func quantiles() throws {
    let values = (0..<1000).map { Float($0) - 500 }
    let document = try report([Tensor("x", [1000], values)])
    let found = items(items(document["tensors"])[0]["quantiles"]).compactMap { value in
      switch value {
      case .double(let number): number
      case .int(let number): Double(number)
      default: nil as Double?
      }
    }
    let wanted = [-490, -450, -250, 0, 250, 450, 490].map(Double.init)
    #expect(found.count == wanted.count)
    for (a, b) in zip(found, wanted) { #expect(abs(a - b) <= max(1, abs(b) / 16)) }
  }

  @Test("flags what a person should look at, and nothing else")
  func flags() throws {
    var dead = (0..<12).map { Float($0 + 1) }
    for column in 0..<3 { dead[3 * 2 + column] = 0 }
    var deadLast = (0..<12).map { Float($0 + 20) }
    for row in 0..<4 { deadLast[3 * row + 1] = 0 }
    var outlier = (0..<600).map { Float($0 % 7) - 3 }
    outlier[77] = 60000
    let document = try report([
      Tensor("fine", [2, 2], [1, 2, 3, 4]), Tensor("nan", [2], [.nan, 1]),
      Tensor("infinite", [2], [.infinity, 1]), Tensor("constant", [3], [0.5, 0.5, 0.5]),
      Tensor("rows", [4, 3], dead), Tensor("columns", [4, 3], deadLast),
      Tensor("twin", [2, 2], [1, 2, 3, 4]), Tensor("outlier", [600], outlier),
      Tensor("large", [2], [70000, 1]),
      // 65504 and 1 in float16.
      Tensor("saturated", "F16", [2], [0xFF, 0x7B, 0x00, 0x3C]),
    ])
    let found = items(document["tensors"]).map { [text($0["name"])] + flags($0) }
    #expect(
      found == [
        ["fine"], ["nan", "nan"], ["infinite", "infinite"], ["constant", "constant"],
        ["rows", "dead_channels"], ["columns", "dead_channels"], ["twin", "duplicated"],
        ["outlier", "outlier"], ["large", "beyond_float16"], ["saturated", "saturated"],
      ])
    let rows = items(document["tensors"])[4]
    #expect(
      items(rows["flags"])[0]["text"] == .string("1 of 4 slices along the first axis are zero"))
  }

  @Test("families of layers have their figures by depth, and what changed in each")
  func depth() throws {
    let folder = try TemporaryFolder()
    let tensors = (0..<4).map { Tensor("layers.\($0).w", [2], [Float($0), Float($0)]) }
    let file = try folder.write("a.safetensors", SafetensorsFile(tensors).bytes)
    var changed = tensors
    changed[3].values = [3, 6]
    let other = try folder.write("b.safetensors", SafetensorsFile(changed).bytes)
    let run = try runCommand(["report", file, other, "--json"])
    let document = try JSONParser.parse(Array(run.output.utf8))
    let series = items(document["depth"])
    #expect(series.count == 1)
    #expect(series[0]["family"] == .string("layers.{n}.w"))
    #expect(items(series[0]["rms"]).count == 4)
    #expect(items(series[0]["change"])[2] == .double(0))
    #expect(items(series[0]["change"])[3] == .double(0.707107))
    #expect(document["comparison"]?["verdict"]?["kind"] == .string("changed"))
  }

  @Test("the page is one file that asks nothing of the network")
  func page() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      "x.safetensors", SafetensorsFile([Tensor("</script>", [1], [1])]).bytes)
    let output = folder.file("x.html")
    let run = try runCommand(["report", file, "-o", output])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output == "")
    #expect(run.error == "savi-ckpt: note: \(output): 1 tensor, nothing stands out\n")
    let page = String(decoding: try fileBytes(output), as: UTF8.self)
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("default-src 'none'"))
    #expect(!page.contains("http") || page.components(separatedBy: "http").count == 3)
    #expect(page.components(separatedBy: "</script>").count == 3)
    #expect(!page.contains("@@"))
    #expect(try runCommand(["report", file, "-o", output]).status == 2)
    #expect(try runCommand(["report", file, "-o", output, "--force", "-q"]).status == 0)
  }

  @Test("findings and a verification are shown where they are given; other files are refused")
  func documents() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("x.safetensors", SafetensorsFile([Tensor("x", [1], [1])]).bytes)
    let schema = folder.file("schema.yaml")
    _ = try runCommand(["schema", "generate", file, "-o", schema])
    let validate = try runCommand(["validate", file, "--schema", schema, "--output", "json"])
    let findings = try folder.write("findings.json", Array(validate.output.utf8))
    let run = try runCommand(["report", file, "--findings", findings, "--json"])
    #expect(
      try JSONParser.parse(Array(run.output.utf8))["findings"]?["passed"] == .bool(true),
      "\(run.error)")
    let wrong = try runCommand(["report", file, "--findings", file, "--json"])
    #expect(wrong.status == 2)
    #expect(wrong.error.contains("this is not what 'savi-ckpt validate --output json' prints"))
    let verification = try folder.write("v.json", Array(#"{"files": [], "agrees": true}"#.utf8))
    #expect(try runCommand(["report", file, "--findings", verification, "--json"]).status == 2)
    #expect(try runCommand(["report", file, "--verification", verification, "--json"]).status == 0)
    #expect(try runCommand(["report", file]).status == 64)
    #expect(try runCommand(["report", file, "-o", file]).status == 64)
  }
}
