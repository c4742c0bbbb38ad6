// Package layers holds no code, only the tests that keep the layers of the project apart: who may import whom, and
// what may be linked into the page's wasm. They read the sources in this process. A test that asked `go list` would be
// answered from the test cache and stay green with a violation in place.
package layers
