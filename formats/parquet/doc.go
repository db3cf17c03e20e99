// Package parquet turns columnar batches into Parquet files and back.
//
// # Main types
//
// [Writer] makes one file from batches; [File] is an opened file and [Reader]
// gives its rows as batches of a wanted schema. [WriterOptions] and
// [ReadOptions] hold sizes and limits.
//
// Pages, dictionaries, levels and statistics are made and read here, a column
// at a time and straight from and into the buffers of batch columns; codecs,
// Thrift structures and the rarer encodings come from parquet-go. Files are
// written as Delta's format version 1.0.0 asks: data pages V1, PLAIN and
// dictionary encodings, three-level lists, so that old readers read them.
//
// # The caller's duties
//
//  1. A batch is lent to [Writer.Write] for the call. A writer ends with Close or
//     Discard, or its buffers stay charged to its account.
//  2. A file's bytes are not trusted: whoever opens one meets errors that are a
//     *supervision.Failure, never a panic, and memory within [Limits]. The caller
//     knows the file's name and gives it in [ReadOptions].
//  3. A batch from [Reader.Next] belongs to the caller, who releases it.
//
// Values of one writer, file or reader are used by one goroutine at a time. The
// package opens no file, starts no goroutine and merges nothing.
package parquet
