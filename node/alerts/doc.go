// Package alerts says when a flow needs somebody's attention, and tells them.
//
// # Main types
//
// [Monitor] is pure: it looks at samples of a flow and returns an [Event] when a rule begins to hold and when it ends. [Sender] carries events
// to a [Target], such as a [Webhook], beside the flow: with retries, and no more than so many on their way.
//
// # The caller's duties
//
// Samples come one at a time, with times that do not go back. Close waits for what is on its way, as long as its context allows.
//
// What the package does not do: it delivers at least once while a target answers within the tries, and gives up then, with a line
// in the log. Nothing of it is kept over a restart: an alert that fired before fires again.
package alerts
