// Package native is the relay's home on an ordinary machine: WebSocket and HTTP, and the app's files.
package native
