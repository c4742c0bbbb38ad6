//go:build wasip1 && testexports

package main

// test_panic panics, so that tests see what becomes of an instance that does. Only test builds have it.
//
//go:wasmexport test_panic
func testPanic() (result int32) {
	defer guard(&result)
	panic("on purpose")
}
