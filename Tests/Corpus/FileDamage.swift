import TestSupport

extension Damage {
  /// Files that are damaged, or something else altogether.
  static let files: [Damage] = [
    Damage(file: "truncated.safetensors", "W050", status: 2) { $0.good.dropLast(1000) },
    Damage(file: "page.safetensors", "W050", status: 2) { _ in
      Array("<!DOCTYPE html><html>404: not found</html>\n".utf8)
    },
    Damage(file: "pointer.safetensors", "W050", status: 2) { _ in
      Array(
        """
        version https://git-lfs.github.com/spec/v1
        oid sha256:\(String(repeating: "0", count: 64))
        size 3583000

        """.utf8)
    },
    Damage(file: "flax.npz", "W041", schema: CorpusSchema.builtIn) { $0.sample },
    Damage(file: "records.npz", "W013", "records", schema: CorpusSchema.open, status: 2) { _ in
      try fileBytes(fixture("numpy/placeholders.npz"))
    },
  ]
}
