// Package quarantine reads the rows of a quarantine table back, so that they can go through their flow again.
//
// [Open] finds the rows that wait, at one version of the table, and what is to be known of them before a run:
// how many they are, who rejected them, where each came from. [Rows] is then a source of them. Its positions name the version, so
// a run that begins again after it was decided finds itself at the end, and rows of a later version are other rows.
//
// The caller opens the rows when every epoch that was decided is in the table: before that they may be on their way back already. The package marks nothing: the
// flow does, in the epoch in which they go back.
package quarantine
