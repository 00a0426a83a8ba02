// The guestbook in Go, with the packages that a Go programmer takes.
package main

import (
	"database/sql"
	"html/template"
	"log"
	"net/http"
	"net/http/cgi"
	"os"

	_ "github.com/mattn/go-sqlite3"
)

var page = template.Must(template.New("guestbook").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Guestbook</title>
<h1>Guestbook</h1>
<form method="post">
<input name="name" aria-label="Name">
<input name="message" aria-label="Message">
<button>Sign</button>
</form>
{{range .}}<p><b>{{.Name}}</b>, {{.Created}}: {{.Message}}</p>
{{end}}`))

type entry struct{ Name, Created, Message string }

func newest(book *sql.DB) ([]entry, error) {
	rows, err := book.Query(`select name, cast(created as text), message
		from entry order by id desc limit 20`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []entry
	for rows.Next() {
		var one entry
		if err := rows.Scan(&one.Name, &one.Created, &one.Message); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

func show(book *sql.DB, w http.ResponseWriter) error {
	found, err := newest(book)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Execute(w, found)
}

func sign(book *sql.DB, w http.ResponseWriter, r *http.Request) error {
	_, err := book.Exec(`insert into entry (name, message, created)
		values (?, ?, datetime())`, r.PostFormValue("name"),
		r.PostFormValue("message"))
	if err == nil {
		w.Header().Set("Location", os.Getenv("SCRIPT_NAME")+"/")
		w.WriteHeader(http.StatusSeeOther)
	}
	return err
}

func main() {
	book, err := sql.Open("sqlite3", "file:"+os.Getenv("GUESTBOOK")+
		"?_busy_timeout=10000&_synchronous=normal")
	if err != nil {
		log.Fatal(err)
	}
	defer book.Close()
	err = cgi.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := func() error { return show(book, w) }
		if r.Method == "POST" {
			answer = func() error { return sign(book, w, r) }
		}
		if err := answer(); err != nil {
			log.Print(err)
			http.Error(w, "The guestbook is closed.", http.StatusInternalServerError)
		}
	}))
	if err != nil {
		log.Fatal(err)
	}
}
