// Package log is Delta's transaction log as bytes and facts: the actions of
// commits, their JSON, schema strings, path and partition value spelling,
// protocol and table features, and the replay of commits and
// checkpoints, in all forms that Delta has for them, into the state of a version.
//
// # Main types
//
// [Action] holds one action; [Commit] encodes a version and [Decode] reads one.
// [Protocol], [Metadata], [Add], [Remove], [Txn], [Domain] and [CommitInfo] are the actions.
// [Log] lists, reads and replays a table's log in an objstore.Store; [Head] is
// what an appender needs of a version, without any list of files;
// [Log.Files] streams the files, and [FileList] holds them in little memory. [Log.Inventory]
// says what lies in the folder, [Log.Check] what is wrong with it.
//
// # The caller's duties
//
//  1. What is read is not trusted: errors name file, line and version, and
//     memory stays within [Limits]. One action has 100,000 values at most. A commit of many small actions takes up to
//     20 times its text.
//  2. Paths in actions stay as written in the log. [DecodePath] gives the
//     object's name; compare files by [FileKey] only.
//
// The package decides no conflict and writes no commit; package delta does.
package log
