// Package protobuf decodes Protobuf's binary form straight into typed columns, and encodes columns, by descriptors that are known only when a
// flow is planned.
//
// # Main types
//
// [FromSet] finds a message in the bytes of a FileDescriptorSet (protoc --descriptor_set_out), [FromSource] in the text of a .proto file as a
// schema registry has it. [Message.Type] is the type that it has in Spark. [Decoder] reads records, [Encoder] writes rows.
//
// # What a value becomes
//
//   - Messages are structs, repeated fields arrays, map fields maps with the last of equal keys, enums strings or, if asked for, numbers,
//     unsigned numbers the signed ones of the same bits, or wider ones if asked for.
//   - google.protobuf.Timestamp is a timestamp, Duration an interval of microseconds, both cut to them; wrappers are their values, and Any is
//     JSON, if asked for.
//   - A field that is not in the record is null, and so is one without presence that is zero, unless [Options.EmitDefaults]; a default that the
//     schema names is taken. Repeated fields that are not there are empty.
//   - What comes twice: the last counts, in a oneof too; messages are merged. Unknown fields are passed over.
//
// # Limits
//
// Descriptors have at most 4 MiB, 10,000 parts, and 64 levels; messages that hold themselves are refused, or cut at
// [Options.MaxRecursion]. A record has at most 1,048,576 values; lengths are held to the bytes there are.
//
// # The caller's duties
//
// A Decoder is used by one goroutine at a time, a Message and an Encoder by any number.
//
// The package does no I/O and starts no goroutine that outlives a call. Text format and JSON are not read.
package protobuf
