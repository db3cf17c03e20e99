// Package csv turns columnar batches into CSV text, and text into columns of strings.
//
// # Main types
//
// [Writer] appends batches to text by [Options], which [ParseOptions] reads
// from Spark's option names. [Reader] gives the values of a text back, nulls and empty
// strings apart; what types they have is for the caller to say, by a cast.
//
// The text is what Spark's CSV source reads back with the same options, and
// with escape set to the quote, what RFC 4180 says. An empty string is written
// as "" and a null as nothing, so that they stay apart; Spark's reader itself takes both for null unless
// nullValue is set to some text on both sides. Three things differ from
// what Spark writes, because it loses data there: timestamps have microseconds, white space
// around values stays, and a lone nullable column whose nulls would be empty lines is
// refused.
//
// # The caller's duties
//
// A batch's columns are those of the writer's schema, in order. The text is
// UTF-8 if the strings are; bytes of strings are written as they are. A text that is read is not trusted: what is
// wrong is an error with its line, and a record is bounded.
//
// The package opens no file, compresses nothing and starts no goroutine.
package csv
