// Package cables breaks the network between two ends in a test: a listener whose connections can be cut.
//
// [Over] wraps the listener of a server, so that whoever dials it, and goes on to the address that the server tells, is on a line of it. What is sent
// over a cut line is not lost but late, as TCP has it: it waits until the line is [Cables.Heal]ed, or goes with the connection if it is [Cables.Reset].
// Requests and answers are cut each by itself, and so is each connection.
//
// It is for tests alone, and no measure of speed.
package cables
