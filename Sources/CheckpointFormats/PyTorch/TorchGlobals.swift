import CheckpointCore

/// The allow-list: every global that a checkpoint's pickle may name and this reader understands.
///
/// Nothing on it is called either; it says how to read the arguments a pickle records. Any other
/// global becomes a placeholder that names it. Sources: torch/_utils.py, torch/serialization.py,
/// torch/_weights_only_unpickler.py, numpy/_core and paddle/framework/io.py.
enum TorchGlobal {
  /// `_rebuild_tensor(storage, offset, size, stride)`, PyTorch 0.1 to 0.3.
  case rebuildTensor
  /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata=None)`.
  case rebuildTensorV2
  /// `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)`:
  /// an untyped storage with its size in bytes, the offset still in elements.
  case rebuildTensorV3
  /// `_rebuild_parameter(data, requires_grad, hooks)` and `_rebuild_parameter_with_state`.
  case rebuildParameter
  /// A mapping that takes its items from SETITEMS.
  case mapping
  /// A call whose first argument is the value: TorchScript's type tags.
  case wrapper
  /// `_reconstruct(ndarray, (0,), b'b')`, with the array in the state that BUILD would set.
  case numpyArray
  /// `_frombuffer(bytes, dtype, shape, order)`, in protocol 5.
  case numpyBuffer
  /// `scalar(dtype, bytes)`.
  case numpyScalar
  /// `_load_from_bytes(bytes)`: a storage outside `torch.save`, as a legacy file of its own.
  case storageBytes
  /// `tuple((name, array))`, as PaddlePaddle's reducer of tensors records it.
  case paddleTensor
  /// A tensor this tool has no representation for.
  case unsupportedTensor(String)

  /// Whether the call makes array data, rather than pass something on.
  var makesArray: Bool {
    switch self {
    case .mapping, .wrapper, .paddleTensor: false
    default: true
    }
  }

  init?(_ global: PickleTree.Global) {
    guard let found = Self.table[global.description] else { return nil }
    self = found
  }

  private static let table: [String: TorchGlobal] = [
    "torch._utils._rebuild_tensor": .rebuildTensor,
    "torch._utils._rebuild_tensor_v2": .rebuildTensorV2,
    "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
    "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
    "torch.nn.parameter.Parameter": .rebuildParameter,
    "collections.OrderedDict": .mapping,
    "collections.defaultdict": .mapping,
    "collections.Counter": .mapping,
    "builtins.dict": .mapping,
    "__builtin__.dict": .mapping,
    "torch.jit._pickle.restore_type_tag": .wrapper,
    "torch.jit._pickle.build_tensorlist": .wrapper,
    "torch.jit._pickle.build_intlist": .wrapper,
    "torch.jit._pickle.build_doublelist": .wrapper,
    "torch.jit._pickle.build_boollist": .wrapper,
    "torch.storage._load_from_bytes": .storageBytes,
    "builtins.tuple": .paddleTensor,
    "__builtin__.tuple": .paddleTensor,
    "numpy.core.numeric._frombuffer": .numpyBuffer,
    "numpy._core.numeric._frombuffer": .numpyBuffer,
    "numpy.core.multiarray._reconstruct": .numpyArray,
    "numpy._core.multiarray._reconstruct": .numpyArray,
    "numpy.core.multiarray.scalar": .numpyScalar,
    "numpy._core.multiarray.scalar": .numpyScalar,
    "torch._utils._rebuild_qtensor": .unsupportedTensor("a quantized tensor"),
    "torch._utils._rebuild_sparse_tensor": .unsupportedTensor("a sparse tensor"),
    "torch._utils._rebuild_sparse_csr_tensor": .unsupportedTensor("a sparse CSR tensor"),
    "torch._utils._rebuild_nested_tensor": .unsupportedTensor("a nested tensor"),
    "torch._utils._rebuild_wrapper_subclass": .unsupportedTensor("a tensor subclass"),
    "torch._utils._rebuild_meta_tensor_no_storage": .unsupportedTensor(
      "a meta tensor without data"),
    "torch._utils._rebuild_device_tensor_from_numpy": .unsupportedTensor(
      "a tensor of a device that saves through NumPy"),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": .unsupportedTensor(
      "a tensor of a device that saves through the CPU"),
    "torch._tensor._rebuild_from_type_v2": .unsupportedTensor("a tensor subclass"),
    "torch._tensor._rebuild_from_type": .unsupportedTensor("a tensor subclass"),
  ]

  /// The element type of a storage class such as `torch.FloatStorage` or
  /// `torch.cuda.HalfStorage`; `nil` inside for an untyped storage, whose size is in bytes.
  static func storageType(_ global: PickleTree.Global) -> DType?? {
    guard
      global.module == "torch" || global.module == "torch.cuda"
        || global.module == "torch.storage"
    else { return nil }
    if global.name == "UntypedStorage" { return .some(nil) }
    guard let dtype = storageTypes.first(where: { $0.name == global.name })?.dtype else {
      return nil
    }
    return dtype
  }

  /// The storage class that `torch.save` names for `dtype`; newer types go untyped.
  static func storageName(of dtype: DType) -> String? {
    storageTypes.first { $0.dtype == dtype }?.name
  }

  private static let storageTypes: [(name: String, dtype: DType)] = [
    ("FloatStorage", .float32), ("DoubleStorage", .float64), ("HalfStorage", .float16),
    ("BFloat16Storage", .bfloat16), ("LongStorage", .int64), ("IntStorage", .int32),
    ("ShortStorage", .int16), ("CharStorage", .int8), ("ByteStorage", .uint8),
    ("BoolStorage", .bool), ("ComplexFloatStorage", .complex64),
    ("ComplexDoubleStorage", .complex128),
  ]

  /// Bytes per stored element of the quantized storages, which only a quantized tensor uses;
  /// `nil` for any other name.
  static func quantizedItemSize(_ name: String) -> Int? {
    [
      "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "QUInt4x2Storage": 1,
      "QUInt2x4Storage": 1,
    ][name]
  }

  /// The dtype a global such as `torch.float8_e5m2` names.
  static func dtype(_ global: PickleTree.Global) -> DType? {
    guard global.module == "torch" else { return nil }
    let aliases: [String: DType] = [
      "half": .float16, "float": .float32, "double": .float64, "long": .int64, "int": .int32,
      "short": .int16, "cfloat": .complex64, "cdouble": .complex128, "chalf": .complex32,
    ]
    return DType(rawValue: global.name) ?? aliases[global.name]
  }
}
