import Checkpoints

/// Takes any bytes. It must return, within the limits of time and memory that libFuzzer is given:
/// whatever the bytes are, a trap, a hang, or an error that is no `CheckpointError` is a finding.
typealias FuzzTarget = @Sendable ([UInt8]) -> Void

/// By the names under which `Fuzz/targets` lists their seeds.
let fuzzTargets: [String: FuzzTarget] = [
  "npy": { readCheckpoint($0, as: .npy) },
  "npy-header": { readCheckpoint(npyFile(header: $0), as: .npy) },
  "npz": { readCheckpoint($0, as: .npz) },
  "zip": { readCheckpoint($0, as: nil) },
  "torch": { readCheckpoint($0, as: .torch) },
  "torch-legacy": { readCheckpoint($0, as: .torch) },
  "torch-tar": { readCheckpoint($0, as: .torch) },
  "pickle": { readCheckpoint(torchFile(pickle: $0), as: .torch) },
  "bare-pickle": { readCheckpoint($0, as: .pickle) },
  "dcp": readDistributed,
  "safetensors": { readCheckpoint($0, as: .safetensors) },
  "safetensors-header": { readCheckpoint(safetensorsFile(header: $0), as: .safetensors) },
  "safetensors-index": readShards,
  "flax": { readCheckpoint($0, as: .flax) },
  "hdf5": { readCheckpoint($0, as: .hdf5) },
  "hdf5-answer": readHDF5Answer,
  "ocdbt-node": readOCDBTNode,
  "ocdbt-manifest": readOCDBTManifest,
  "zarr": readZarr,
  "round-trip": roundTrip,
  "json": readJSON,
  "model": readModel,
  "schema": readSchema,
  "record": readRecord,
]

/// Runs what may refuse its input.
func refusing(_ body: () throws -> Void) {
  do {
    try body()
  } catch is CheckpointError {
    // One clear line for the user: what is asked of a bad file.
  } catch {
    fatalError("an error that names no file and no remedy: \(type(of: error)): \(error)")
  }
}
