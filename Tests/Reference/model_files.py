"""Checks model files against the packages safetensors and gguf, both ways.

    python3 model_files.py FOLDER

Reads ours.safetensors and ours.gguf in FOLDER and compares them with what the Swift test wrote;
writes theirs.safetensors, theirs.gguf and theirs.json, which the Swift test reads. Exits with 77
when a package is missing and with 1 when a file differs.
"""

import json
import random
import struct
import sys

try:
    import gguf
    import numpy as np
    import safetensors
    import safetensors.numpy
except ImportError as error:
    print(f"missing: {error}")
    sys.exit(77)


def counting(count):
    return bytes(i % 256 for i in range(count))


def check_safetensors(path):
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"format": "pt", "note": "é\"\n"}, file.metadata()
        assert sorted(file.keys()) == sorted(SHAPES), file.keys()
        for name, (_, dtype, shape) in SHAPES.items():
            array = file.get_tensor(name)
            assert array.dtype == dtype and array.shape == tuple(shape), (name, array.dtype)
            assert array.tobytes() == counting(array.nbytes), name


SHAPES = {
    "b.weight": ("float32", np.float32, [2, 3]),
    "a": ("float32", np.float32, []),
    "é\"x": ("int64", np.int64, [3]),
    "half": ("float16", np.float16, [5]),
    "bytes": ("uint8", np.uint8, [7]),
    "none": ("float32", np.float32, [0, 4]),
    "flags": ("int8", np.int8, [2]),
    "unsigned": ("uint32", np.uint32, [2]),
    "signed": ("int32", np.int32, [2]),
    "short": ("int16", np.int16, [2]),
    "ushort": ("uint16", np.uint16, [2]),
    "double": ("float64", np.float64, [2]),
    "ulong": ("uint64", np.uint64, [2]),
}

# Types that NumPy lacks; the serializer takes their bytes.
MORE = {
    "bf": ("bfloat16", [3], 6),
    "e4m3": ("float8_e4m3fn", [3], 3),
    "e5m2": ("float8_e5m2", [3], 3),
    "e8m0": ("float8_e8m0fnu", [3], 3),
    "e4m3fnuz": ("float8_e4m3fnuz", [3], 3),
    "e5m2fnuz": ("float8_e5m2fnuz", [3], 3),
    "bool": ("bool", [2], 2),
    "complex": ("complex64", [2], 16),
}


def write_safetensors(path):
    every = dict(MORE)
    for name, (dtype, numpy_type, shape) in SHAPES.items():
        every[name] = (dtype, shape, int(np.prod(shape)) * np.dtype(numpy_type).itemsize)
    tensors = {}
    buffers = []
    for name, (dtype, shape, size) in every.items():
        if hasattr(safetensors, "TensorSpec"):
            # Takes an address: the array has to stay alive until all is written.
            buffers.append(np.frombuffer(counting(size) or b"\0", dtype=np.uint8))
            tensors[name] = safetensors.TensorSpec(
                dtype=dtype, shape=shape, data_ptr=buffers[-1].ctypes.data, data_len=size)
        else:
            tensors[name] = {"dtype": dtype, "shape": shape, "data": counting(size)}
    data = safetensors.serialize(tensors, {"format": "pt"})
    with open(path, "wb") as file:
        file.write(data)


def check_gguf(path):
    reader = gguf.GGUFReader(path)
    expected = {
        "general.architecture": "llama", "general.name": "é \U0001F600", "t.u8": 255,
        "t.i8": -128, "t.u16": 65535, "t.i16": -2, "t.u32": 2**32 - 1, "t.i32": -(2**31),
        "t.f32": 1.5, "t.yes": True, "t.no": False, "t.u64": 2**64 - 1, "t.i64": -(2**63),
        "t.f64": -0.1, "t.empty": "", "a.u8": [1, 2], "a.i8": [-1], "a.u16": [3], "a.i16": [-3],
        "a.u32": [4], "a.i32": [1, -4], "a.f32": [0.25, float("inf")], "a.bool": [True, False],
        "a.strings": ["a", "", "\u2581é", "e\u0301"], "a.u64": [5], "a.i64": [-5], "a.f64": [2.5],
    }
    for key, value in expected.items():
        found = reader.fields[key].contents()
        assert found == value, (key, found, value)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert list(tensors) == ["q4", "f32", "bf16", "q6", "i8"], list(tensors)
    for name, kind, shape in [
        ("q4", "Q4_0", [64, 3]), ("f32", "F32", [5, 2, 3]), ("bf16", "BF16", [4]),
        ("q6", "Q6_K", [256, 2]), ("i8", "I8", [6]),
    ]:
        tensor = tensors[name]
        assert tensor.tensor_type.name == kind and tensor.shape.tolist() == shape, name
        assert tensor.data.tobytes() == counting(tensor.n_bytes), name


def write_gguf(path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("théirs")
    writer.add_block_count(2)
    writer.add_rope_freq_base(10000.5)
    writer.add_bool("x.yes", True)
    writer.add_uint64("x.u64", 2**63)
    writer.add_float64("x.f64", 0.1)
    writer.add_token_list(["<s>", "é", "", "\u2581the", "e\u0301"])
    writer.add_token_scores([0.0, -1.5, 2.0, 3.0, -0.25])
    writer.add_token_types([3, 1, 1, 1, 1])
    writer.add_array("x.floats", [0.5, -2.0])
    rows = np.frombuffer(counting(3 * 72), dtype=np.uint8).reshape(3, 72)
    writer.add_tensor("q8", np.frombuffer(counting(2 * 68), dtype=np.uint8).reshape(2, 68),
                      raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("q4", np.ascontiguousarray(rows[:, :36]),
                      raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.add_tensor("norm", np.arange(7, dtype=np.float32))
    writer.add_tensor("half", np.arange(30, dtype=np.float16).reshape(2, 3, 5))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_json(path):
    generator = random.Random(1)
    numbers = [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(5000)]
    numbers += [generator.uniform(-1000, 1000) for _ in range(1000)]
    numbers += [float(10**k) for k in range(0, 24)] + [10.0**-k for k in range(0, 24)]
    numbers += [float(2**k) for k in range(40, 70)]
    document = {
        "numbers": [x for x in numbers if x == x and abs(x) != float("inf")],
        "texts": ["".join(map(chr, range(0, 0x180))), "\u2028\U0001F600\ufeff", ""],
        "nested": {"b": [[], {}, None, True, -12345678901234567], "a": {"é": "/"}},
    }
    with open(path + ".compact", "w", encoding="utf-8", newline="") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))
    with open(path + ".spaced", "w", encoding="utf-8", newline="") as file:
        json.dump(document, file, ensure_ascii=False)
    with open(path + ".pretty", "w", encoding="utf-8", newline="") as file:
        json.dump(document, file, ensure_ascii=False, indent=2, sort_keys=True)
    with open(path + ".escaped", "w", encoding="utf-8", newline="") as file:
        json.dump(document, file)


folder = sys.argv[1]
write_json(folder + "/theirs.json")
write_safetensors(folder + "/theirs.safetensors")
write_gguf(folder + "/theirs.gguf")
check_safetensors(folder + "/ours.safetensors")
check_gguf(folder + "/ours.gguf")
print("ok: safetensors and gguf agree")
