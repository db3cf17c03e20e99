// Package typed is rows as values of Go types: it decodes batches into structs and encodes
// structs into batches, a column at a time, and runs authors' functions over them.
//
// # Main types
//
// [SchemaOf] names the columns of a type. A [Decoder] fills values from batches, an [Encoder] makes batches
// of values. A [Pipe] is functions over rows: [Rows] begins one, [Map], [Filter] and [FlatMap] go on, and Operator makes
// of all of them one step that decodes once and encodes once. [Binary] is values as bytes, for state.
//
// # Types
//
// A struct's exported fields are columns, in order. A column is called as its field's tag
// `deltaic:"name"` says, else as the field in snake case; "-" leaves a field out. A column is found by its
// name without regard to case and underscores. A type that is no struct is one column, "value".
//
//	bool, int8 to int64, int, float32, float64, string, []byte    boolean, tinyint to bigint, float, double, string, binary
//	time.Time                                                     timestamp; decoded from timestamp_ntz and date too
//	time.Duration                                                 interval day to second
//	batch.Int128 with the tag `deltaic:"name,decimal(p,s)"`       decimal, unscaled
//	structs, []T, map[K]T, *T                                     struct, array, map, T that may be null
//
// Integers and floats are decoded into wider fields as well. Null in a field that is no pointer, slice or map
// is its zero value, as in encoding/json.
//
// # The caller's duties
//
// Decoders and encoders belong to one goroutine. Functions must not keep values that they were lent beyond the
// call unless they copy them; strings may be kept. Reflection happens when a
// decoder or encoder is made, not for rows, except for maps.
package typed
