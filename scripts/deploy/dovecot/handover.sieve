require ["vnd.dovecot.pipe", "variables"];
if header :contains "subject" "lab result" {
  pipe "smtools-enqueue" ["doctor@clinic.example"];
}
