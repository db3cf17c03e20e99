// Package avro decodes Avro's binary form straight into typed columns, and encodes columns.
//
// # Main types
//
// [Schema] is a parsed schema and the type that it has in Spark ([Schema.Type]). [Decoder] reads
// records that were written with one schema as another one wants them, by the rules of
// schema resolution. [Encoder] writes rows of a column. [SchemaOf] makes the schema that Spark
// writes a type with.
//
// # What a value becomes
//
//   - Records are structs, arrays arrays, maps maps with the last of equal keys, enums strings, fixed binary.
//   - A union of null and one other type is that type, nullable; of int and long a bigint, of float
//     and double a double; any other is a struct with a field a branch, member0, member1 and so on,
//     null not counted, of which one is set.
//   - decimal (bytes and fixed), date, timestamps and local timestamps of millis and micros have Spark's
//     types; each other logical type is as what it annotates, uuid a string, duration binary, nanos a bigint, as in Spark.
//
// # Limits
//
// Schemas that refer to themselves are refused, so no record nests deeper than its
// schema. A schema has at most 1 MiB of text, 64 levels and 10,000 parts, references
// written out. A record has at most 1,048,576 elements of lists, whatever its
// blocks say; lengths are held to the bytes there are; what defaults add to one
// column of rows is at most 256 MiB.
//
// # The caller's duties
//
// A Decoder is used by one goroutine at a time, a Schema and an Encoder by any number. Records must not
// change during a call.
//
// The package does no I/O and starts no goroutine. It knows nothing of registries: who
// frames records with a number takes the number off first. Container files are not read.
package avro
