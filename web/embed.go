// Package web holds the built notes app, so that the relay's binary can serve it.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// App is the folder that web/build.mjs makes. In a tree that was not built it has no index.html.
func App() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		// The name is a constant that go:embed has checked.
		panic(err)
	}
	return files
}
