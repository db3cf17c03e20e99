// Package files writes streams as folders of JSON, CSV and Parquet files, each
// row exactly once.
//
// # Main types
//
// [Sink] is made by [New] or [At]; [Options] name the [Format], the partition
// columns, when files are rolled, and [PartitionCommit], by which a partition
// is marked as complete when the watermark has passed it.
//
// # How an epoch becomes visible
//
// Each share writes files below _temporary/, under names that end in .staged and that no
// reader looks at. At the barrier they are made durable. When the epoch is decided, each file is linked into
// the folder of its partition, then an entry of the log _spark_metadata/ names
// them all, and then the staged names are removed. Nothing is renamed and no name is used twice. Who reads
// the folder sees files of decided epochs only; who reads it by the log, as Spark does, sees whole epochs only.
// A repeat finds its entry in the log and changes nothing.
//
// # Partitions
//
// Folders are Hive's: column=value, escaped as Spark does, with
// __HIVE_DEFAULT_PARTITION__ for a null and for an empty text. Partition columns are not in the files.
//
// With [PartitionCommit] an empty file, _SUCCESS, is put into a partition once the
// watermark says that no row of it comes any more: after all its files, by the epoch
// that knew it, and again after any crash. Rows that come later all the same are written, and
// the mark is put anew behind them.
//
// # The caller's duties
//
// A folder belongs to one flow at a time. The staged files of a flow whose checkpoint was
// deleted stay below _temporary/ and may be removed by hand.
//
// The package starts no goroutine that outlives a call. It reads no files.
package files
