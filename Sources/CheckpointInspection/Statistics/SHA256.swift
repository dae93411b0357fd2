import COpenSSL

/// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, which uses the processor's instructions for it. libzip
/// brings that library along anyway.
@safe final class SHA256 {
  private let context: OpaquePointer

  init() {
    guard let context = unsafe EVP_MD_CTX_new(),
      unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    else { fatalError("SHA-256 could not be begun: memory is exhausted") }
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { buffer in
      _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
    }
  }

  /// The 32 bytes of the digest, after which nothing can be added.
  func finalize() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe digest.withUnsafeMutableBufferPointer { buffer in
      _ = unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
    }
    return digest
  }

  static func hash(_ bytes: Span<UInt8>) -> [UInt8] {
    let hash = SHA256()
    hash.update(bytes)
    return hash.finalize()
  }
}

/// The SHA-256 of `bytes`, in hexadecimal digits.
package func sha256(of bytes: Span<UInt8>) -> String { hexadecimal(SHA256.hash(bytes)) }
