#!/usr/bin/perl
# Verifies messages with Mail::DKIM, asking no network: mail_dkim_verify.pl DNS FILE…
# DNS has lines "name value"; FILEs have CRLF. Prints for each file its name and the result of each
# signature from the top, separated by blanks.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Mail::DKIM::PublicKey;

my ($dns, @files) = @ARGV;
my %records;
open(my $in, '<', $dns) or die "$dns: $!";
while (<$in>) {
    chomp;
    my ($name, $value) = split / /, $_, 2;
    $records{lc $name} = $value;
}
close $in;

# The key comes from the table instead of the DNS; all else is the module's own.
{
    no warnings 'redefine';
    *Mail::DKIM::PublicKey::fetch_async = sub {
        my ($class, %prms) = @_;
        my $name = lc "$prms{Selector}._domainkey.$prms{Domain}";
        my $callbacks = $prms{Callbacks} || {};
        my $on_success = $callbacks->{Success} || sub { $_[0] };
        return sub {
            my $text = $records{$name};
            return $on_success->() unless defined $text;
            my $key = $class->parse($text);
            $key->{Selector} = $prms{Selector};
            $key->{Domain}   = $prms{Domain};
            $key->check;
            return $on_success->($key);
        };
    };
}

for my $file (@files) {
    open(my $message, '<:raw', $file) or die "$file: $!";
    my $verifier = Mail::DKIM::Verifier->new;
    local $/ = \65536;
    while (my $block = <$message>) { $verifier->PRINT($block); }
    $verifier->CLOSE;
    close $message;
    print join(' ', $file, map { $_->result } $verifier->signatures), "\n";
}
