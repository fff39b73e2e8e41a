/**
 * Just enough of ONNX's file format (protocol buffers) to read a network's head and to write
 * the network with another one.
 *
 * A message is a row of fields; each is kept as its number and its bytes, so that whatever isn't
 * understood is written back as it came.
 */

/** @typedef {{number: number, wire: number, value: number | Uint8Array}} Field */

const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, type: 4, attribute: 5 };
const TENSOR = { dims: 1, type: 2, floats: 4, name: 8, raw: 9 };
const FLOAT = 1,
  UINT8 = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @returns {Field[]} */
export function fieldsOf(bytes) {
  const fields = [];
  for (let at = 0; at < bytes.length;) {
    let key, value;
    [key, at] = readVarint(bytes, at);
    const wire = key & 7;
    if (wire === 0) {
      [value, at] = readVarint(bytes, at);
    } else {
      let length = wire === 1 ? 8 : 4;
      if (wire === 2) [length, at] = readVarint(bytes, at);
      value = bytes.subarray(at, at + length);
      at += length;
    }
    fields.push({ number: key >>> 3, wire, value });
  }
  return fields;
}

function readVarint(bytes, at) {
  let value = 0,
    scale = 1;
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
    scale *= 128;
  }
}

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      bytes.push(rest);
      return Uint8Array.from(bytes);
    }
    bytes.push((rest % 128) | 128);
  }
}

/** @param {Field[]} fields */
export function bytesOf(fields) {
  const parts = fields.flatMap(({ number, wire, value }) => {
    const key = varint(number * 8 + wire);
    if (wire === 0) return [key, varint(value)];
    return wire === 2 ? [key, varint(value.length), value] : [key, value];
  });
  return joined(parts);
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const number = (field, value) => ({ number: field, wire: 0, value });
const message = (field, fields) => ({ number: field, wire: 2, value: bytesOf(fields) });
const text = (field, value) => ({ number: field, wire: 2, value: encoder.encode(value) });
const texts = (fields, of) =>
  fields.filter((f) => f.number === of).map((f) => decoder.decode(f.value));

/**
 * The linear layer that gives `logits`: weights class by class, and a bias for each class.
 * @returns {{weight: Float32Array, bias: Float32Array, classes: number}}
 */
export function headOf(model) {
  const graph = graphOf(model);
  const node = nodeFields(graph).find((fields) => texts(fields, NODE.output).includes("logits"));
  const [, weight, bias] = texts(node, NODE.input);
  const tensors = new Map(
    graph
      .filter((f) => f.number === GRAPH.initializer)
      .map((f) => {
        const fields = fieldsOf(f.value);
        return [texts(fields, TENSOR.name)[0], fields];
      }),
  );
  const bias32 = floats(tensors.get(bias));
  return { weight: unpacked(tensors, weight), bias: bias32, classes: bias32.length };
}

function graphOf(model) {
  return fieldsOf(fieldsOf(model).find((field) => field.number === MODEL.graph).value);
}

function nodeFields(graph) {
  return graph.filter((f) => f.number === GRAPH.node).map((f) => fieldsOf(f.value));
}

/** A weight however it is stored: float32, float16, or int8 with a scale for each row. */
function unpacked(tensors, name) {
  if (tensors.has(name)) return floats(tensors.get(name));
  const half = tensors.get(`${name}_float16`);
  if (half) return fromHalf(new Uint16Array(raw(half)));
  const whole = new Int8Array(raw(tensors.get(`${name}_int8`)));
  const scale = floats(tensors.get(`${name}_scale`));
  const width = whole.length / scale.length;
  return Float32Array.from(whole, (value, i) => value * scale[Math.floor(i / width)]);
}

function raw(tensor) {
  const bytes = (tensor.find((f) => f.number === TENSOR.raw) ?? {}).value;
  return bytes.slice().buffer;
}

function floats(tensor) {
  if (tensor.some((f) => f.number === TENSOR.raw)) return new Float32Array(raw(tensor));
  const packed = tensor.find((f) => f.number === TENSOR.floats).value;
  return new Float32Array(packed.slice().buffer);
}

function fromHalf(halves) {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31,
      fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/**
 * A network with another head, in the form of `course export`: photos as bytes → logits.
 * @param {Uint8Array} model a network of the live page
 * @param {{weight: Float32Array, bias: Float32Array}} head weights class by class
 * @param {object} metadata what `course predict` reads: classes, preprocessing …
 * @returns {Uint8Array}
 */
export function withHead(model, head, metadata) {
  const spec = metadata.preprocessing;
  const graph = message(MODEL.graph, newGraph(graphOf(model), head, spec));
  const kept = fieldsOf(model).filter((f) => ![MODEL.graph, MODEL.metadata].includes(f.number));
  const said = message(MODEL.metadata, [
    text(1, "vision_course"),
    text(2, JSON.stringify(metadata)),
  ]);
  return bytesOf([...kept, graph, said]);
}

function newGraph(graph, head, spec) {
  const old = oldHead(graph);
  const kept = graph.filter(
    (field) => ![GRAPH.input, GRAPH.output].includes(field.number) && !old.has(field),
  );
  const classes = head.bias.length;
  const width = head.weight.length / classes;
  const scale = spec.std.map((std) => 1 / (255 * std));
  const shift = spec.mean.map((mean, channel) => -mean / spec.std[channel]);
  const transposed = message(NODE.attribute, [text(1, "transB"), number(3, 1), number(20, 2)]);
  const toFloat = message(NODE.attribute, [text(1, "to"), number(3, FLOAT), number(20, 2)]);
  return [
    node("Cast", ["pixels"], "pixels_float", toFloat),
    node("Mul", ["pixels_float", "input_scale"], "pixels_scaled"),
    node("Add", ["pixels_scaled", "input_shift"], "normalised"),
    ...kept,
    node("Gemm", ["features", "new_head_weight", "new_head_bias"], "logits", transposed),
    tensor("input_scale", [1, 3, 1, 1], Float32Array.from(scale)),
    tensor("input_shift", [1, 3, 1, 1], Float32Array.from(shift)),
    tensor("new_head_weight", [classes, width], head.weight),
    tensor("new_head_bias", [classes], head.bias),
    message(GRAPH.input, valueInfo("pixels", UINT8, ["batch", 3, spec.crop, spec.crop])),
    message(GRAPH.output, valueInfo("logits", FLOAT, ["batch", classes])),
  ];
}

/** The nodes and tensors of the head that came with the network. */
function oldHead(graph) {
  const found = new Set(),
    names = new Set(["logits"]);
  const nodes = graph.filter((f) => f.number === GRAPH.node).reverse();
  for (const field of nodes) {
    const fields = fieldsOf(field.value);
    if (!texts(fields, NODE.output).some((name) => names.has(name))) continue;
    found.add(field);
    for (const name of texts(fields, NODE.input)) if (name !== "features") names.add(name);
  }
  for (const field of graph.filter((f) => f.number === GRAPH.initializer)) {
    if (names.has(texts(fieldsOf(field.value), TENSOR.name)[0])) found.add(field);
  }
  return found;
}

function node(type, inputs, output, ...attributes) {
  const names = inputs.map((name) => text(NODE.input, name));
  const fields = [...names, text(NODE.output, output), text(NODE.type, type), ...attributes];
  return message(GRAPH.node, fields);
}

function tensor(name, dims, values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message(GRAPH.initializer, [
    ...dims.map((dim) => number(TENSOR.dims, dim)),
    number(TENSOR.type, FLOAT),
    text(TENSOR.name, name),
    { number: TENSOR.raw, wire: 2, value: bytes },
  ]);
}

function valueInfo(name, type, dims) {
  const shape = dims.map((dim) =>
    message(1, [typeof dim === "string" ? text(2, dim) : number(1, dim)]),
  );
  return [text(1, name), message(2, [message(1, [number(1, type), message(2, shape)])])];
}
