// Package deletion reads and makes deletion vectors: sets of rows of a data file that are
// gone, in the bytes that Delta's protocol defines.
//
// # Main types
//
// [Vector] is such a set; [Decode] makes one of the portable form, [Unframe] takes
// that out of a file of vectors, [Inline] out of a descriptor's text, and
// [FileName] says in which file a descriptor's vector lies. [Vector.With] adds rows, [Vector.Append] and
// [AppendFramed] write what the former read.
//
// # The caller's duties
//
//  1. Bytes are not trusted: what is not a vector is an error, and memory is in
//     proportion to the bytes given. The caller bounds those, and compares
//     [Vector.Count] with the cardinality that the log says.
//  2. The caller reads the file and knows table, file and version for errors.
//
// A Vector is immutable. The package does no I/O, and writes the portable form alone.
package deletion
