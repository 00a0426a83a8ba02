#!/usr/bin/perl
# The guestbook in Perl, with CGI.pm and DBI.
use strict;
use warnings;
use CGI ();
use DBI;

my $page = <<'END';
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Guestbook</title>
<h1>Guestbook</h1>
<form method="post">
<input name="name" aria-label="Name">
<input name="message" aria-label="Message">
<button>Sign</button>
</form>
END

my $request = CGI->new;
my $book = DBI->connect("dbi:SQLite:dbname=$ENV{GUESTBOOK}", '', '',
    { RaiseError => 1 });
$book->sqlite_busy_timeout(10000);
$book->do('pragma synchronous = normal');
if ($request->request_method eq 'POST') {
    $book->do('insert into entry (name, message, created)
        values (?, ?, datetime())', undef, scalar $request->param('name'),
        scalar $request->param('message'));
    print $request->redirect(-uri => "$ENV{SCRIPT_NAME}/", -status => 303);
} else {
    my $entries = $book->selectall_arrayref('select name, created, message
        from entry order by id desc limit 20');
    print $request->header(-type => 'text/html', -charset => 'utf-8'), $page;
    for my $entry (@$entries) {
        my ($name, $created, $message) =
            map { CGI::escapeHTML($_) } @$entry;
        print "<p><b>$name</b>, $created: $message</p>\n";
    }
}
$book->disconnect;
