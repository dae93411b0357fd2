import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

@Suite("The shards of an index")
struct ShardPlaceTests {
  @Test(
    "outside its folder are refused, though they are there",
    arguments: ["../secret", "sub/../../secret", "/etc/hostname", "..", ""])
  func outside(_ shard: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(
      "secret", try fileBytes(fixture("golden/tiny_perturbed_torch.safetensors")))
    let index = try folder.write("x.json", Array(#"{"weight_map":{"a":"\#(shard)"}}"#.utf8))
    #expect {
      try Checkpoint(path: index)
    } throws: {
      "\($0)".contains("a shard must be a file beside its index, without a path")
    }
  }
}
