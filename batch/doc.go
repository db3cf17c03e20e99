// Package batch holds what travels an edge: columnar batches of typed rows,
// laid out like Arrow's buffers, with the schema that names them, the pool
// they are taken from and the account that bounds their memory.
//
// # Main types
//
// [Type], [Field] and [Schema] say what a column holds. [Column] is one
// immutable column; [Builder] makes one. [Batch] is columns of equal length
// with an optional selection, row kinds and origins. [Pool] lends buffers and
// [Account] counts the bytes lent.
//
// # The caller's duties
//
//  1. A column is immutable once finished. Whoever holds a reference may read
//     it from any goroutine; nobody may write it.
//  2. References are counted. [NewBatch] and [Builder.Finish] give one
//     reference to the caller. Keeping a column or a batch beyond the call that
//     lent it needs Retain; every reference ends with Release. Batches passed
//     to an operator, sink or encoder are borrowed for the call.
//  3. A batch is owned by one goroutine at a time; only its columns are shared.
//  4. A pool's memory is lent to one column. A column may hold memory of its
//     maker's, which the pool never takes; it must not hold another column's, other than
//     through [Slice], kids and dictionary, which count references: copy validity with
//     [Column.CopyValid].
//  5. After Release the buffers may belong to somebody else. Byte slices got
//     from [Column.Bytes] alias them.
//
// The package does not evaluate, decode or do I/O, and it starts no goroutine.
package batch
