// Package json decodes JSON records straight from their bytes into typed
// columns, guided by the schema that is wanted.
//
// # Main types
//
// [Decoder] is made once for a struct, list or map type and [Options]. [Decoder.Decode]
// appends one record as one row and refuses what is malformed;
// [Decoder.DecodeColumn] does from_json over a column with Spark's modes;
// [Decoder.DecodeLines] reads newline-delimited JSON. [Infer] finds a schema.
// [ParseOptions] reads Spark's option names. [Error] says what is wrong with a
// record, at which byte, in which field.
//
// # What a record becomes
//
//   - Field names match exactly, case included (unless Options.FoldCase). Keys that the
//     schema does not name are checked for syntax and skipped. A missing key
//     is null; nullability in the schema is not enforced, as in Spark.
//   - A key that comes twice: the last one wins, in structs and in maps.
//   - Integers take JSON integers in range only, no fraction or exponent.
//     Float and double take any JSON number, too large ones become infinite;
//     "NaN", "INF", "Infinity" with or without sign and quotes as well, unless refused.
//     Decimal takes a number or a string, rounds half up to its scale
//     and must fit its precision.
//   - String takes a string; any other value becomes its JSON text as it stands.
//     Bytes that are not UTF-8 become U+FFFD each, lone surrogates too.
//     Binary takes base64 in a string.
//   - Date, timestamp and timestamp_ntz take Spark's cast formats (but not a
//     time without a date), or the caller's functions; a timestamp also takes
//     an integer, seconds since 1970.
//   - Empty or blank text is a null row, as in Spark.
//   - For a list of structs one object is a list of that one.
//   - Text behind the value makes the record malformed. (Spark reads the first
//     value and ignores the rest.) Single quotes and comments are not JSON here.
//
// # Malformed records
//
// There are two degrees, as in Spark 4. Where the text is no JSON object, or a
// limit is passed, nothing of it is kept. Where a value does not fit its field,
// that field alone is lost: the nearest enclosing struct field becomes null (an array or map
// with such an element is lost whole). [Decoder.Decode] refuses both. With
// [Permissive] the row is a struct that holds what was kept, or only nulls (a list or map is null), and the
// corrupt record column, if the schema has it, holds the text. With [FailFast]
// the first malformed record is an error.
//
// # What the schema does not name
//
// Members that no field takes are passed over; [Decoder.Drifted] tells of them. With [Options.Rescued] they, and values that do not fit, are kept
// as JSON in a column of their own. In arrays only values that do not fit are: the array is kept whole.
//
// # The caller's duties
//
// A Decoder remembers the order of keys it saw and is used by one goroutine at
// a time. The builder handed in must be for the decoder's type, and records
// must not change during the call. After that nothing of them is referred to.
// By column a record costs about half of what it costs one by one, since nulls
// are filled in at the end.
//
// The package does no I/O and starts no goroutine. Variants and intervals are
// refused when the decoder is made.
package json
