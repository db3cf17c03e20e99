// Package api is the HTTP surface of a process: health, metrics, and the flows
// that run in it.
//
// [New] makes the handler out of a table of routes, each with its policy;
// [Listen] serves it on a loopback address. There is no authentication in this
// version, so an address that others can reach is refused, requests whose Host is not a loopback
// name are refused (DNS rebinding), and what changes something takes POST from the
// same origin only.
//
// The caller closes the server; Close waits for answers that are under way.
package api
