import CheckpointConversion
import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("Conversions and their certificates, as a library")
struct CertificateTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let work = WorkLimits(threads: 2, memory: 1 << 20)

  /// A file with one tensor per dtype.
  private func checkpoint(_ file: String, _ dtypes: [DType]) throws -> String {
    let shape = try #require(Shape([2, 3]))
    let tensors = dtypes.map { dtype in
      OutputTensor(name: TensorName(dtype.name), dtype: dtype, shape: shape) { sink in
        try sink(0, rampBytes(dtype, count: 6).span)
      }
    }
    let writer = try #require(try CheckpointWriters.writer(for: .safetensors))
    try CheckpointWriters.write(
      tensors, to: folder.file(file), as: writer, overwrite: true, work: work)
    return folder.file(file)
  }

  /// Converts to npz with a certificate and returns the certificate's path.
  private func convert(_ source: String) throws -> String {
    let conversion = try Conversion(
      of: try Checkpoint(path: source), by: ConversionRecipe(mapping: .formatAlone))
    let writer = try #require(try CheckpointWriters.writer(for: .npz))
    let staged = try CheckpointWriters.stage(
      conversion.outputs, to: folder.file("out.npz"), as: writer, overwrite: false, work: work)
    let certificate = try conversion.certificate(of: staged, as: staged.path)
    try staged.commit()
    return try folder.write("c.json", Array(certificate.json.serialized().utf8))
  }

  @Test("raw bytes in the target are read as what was written, and a change in them is found")
  func rawTarget() throws {
    let certificate = try convert(try checkpoint("in.safetensors", [.bfloat16, .float32]))
    let recorded = try Certificate(path: certificate)
    #expect(recorded.target.tensors.map(\.dtype) == ["bfloat16", "float32"])
    #expect(try CertificateReplay(certificate).holds)

    var bytes = try fileBytes(folder.file("out.npz"))
    let data = rampBytes(.bfloat16, count: 6)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: data) })
    bytes[place + 2] ^= 1
    _ = try folder.write("out.npz", bytes)
    #expect(throws: CheckpointError.self) { try CertificateReplay(certificate) }
  }

  @Test("a target in which two dtypes are the same raw bytes cannot be certified, nor stays")
  func ambiguous() throws {
    let source = try checkpoint("in.safetensors", [.float8_e4m3fn, .float8_e5m2])
    #expect {
      try convert(source)
    } throws: {
      "\($0)".contains("2 entries hold data that cannot be read")
    }
    #expect(try folder.contents() == ["in.safetensors"])
  }

  @Test("a certificate that records no tensor says nothing")
  func empty() throws {
    let certificate = try convert(try checkpoint("in.safetensors", [.float32]))
    let text = String(decoding: try fileBytes(certificate), as: UTF8.self)
    let start = try #require(text.range(of: #""target":"#)?.upperBound)
    let tensors = try #require(text[start...].range(of: #""tensors":["#)?.upperBound)
    let end = try #require(text[tensors...].firstIndex(of: "]"))
    // The digest's shape ends first; the list ends behind the digest.
    let listEnd = try #require(text[text.index(after: end)...].firstIndex(of: "]"))
    let emptied = text[..<tensors] + text[listEnd...]
    #expect {
      try Certificate(json: Array(emptied.utf8))
    } throws: {
      "\($0)".contains("records no tensor")
    }
  }
}
