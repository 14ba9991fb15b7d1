#!/bin/sh
# The README's tour, word by word (a test holds the two together). With npm start running in another terminal:
#
#   sh examples/tour.sh
#
# If it says another address than the first line below: API=http://127.0.0.1:4321 sh examples/tour.sh

API=${API:-http://127.0.0.1:3000}
. .data/demo-keys

curl -sw '\n' "$API/v1/cases?source=example-choices&limit=1"

curl -sw '\n' "$API/v1/geo-feed?bbox=-0.51,51.28,0.33,51.69&limit=1"

curl -sw '\n' "$API/v1/tiles.json?status=open"

curl -sw '\n' "$API/v1/cases?q=waiting&fields=snippet,status&limit=1"

curl -sw '\n' "$API/v1/case-counts?source=example-choices&by=status"

curl -sw '\n' "$API/v1/organisations?q=gys%20hospital&fields=code&limit=1"

curl -sw '\n' "$API/v1/events?source=example-choices&limit=1"

curl -sN --max-time 2 "$API/v1/events/stream?after=0&source=example-choices" | head -n 8

curl -sw '\n' "$API/v1/cases" \
  -H "Authorization: Bearer $FORM_KEY" -H 'Origin: https://www.example.org' \
  -H 'Content-Type: application/json' \
  -d '{ "kind": "feedback", "organisation": "RP4", "category": "staff", "privacy": "anonymous",
        "text": "Everyone was kind to my child. (Invented example.)", "acceptsTerms": true }'

ONCE=tour-$(date +%s)
create() {
  curl -sw '\n' "$API/v1/cases" \
    -H "Authorization: Bearer $INTEGRATOR_KEY" -H "Idempotency-Key: $ONCE" \
    -H 'Content-Type: application/json' \
    -d '{ "kind": "concern", "organisation": "RJ1", "category": "delays", "privacy": "anonymous",
          "text": "Dr Example let me wait six hours. (Invented example.)",
          "contact": { "name": "Example Person", "email": "person@example.org" },
          "acceptsTerms": true }'
}
CREATED=$(create)
echo "$CREATED"
CASE=$(echo "$CREATED" | sed 's/.*"reference":"\([^"]*\)".*/\1/')

create

curl -sw '\n' "$API/v1/cases/$CASE"

etag() { curl -s -D - -o /dev/null "$@" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'; }
ETAG=$(etag "$API/v1/cases/$CASE" -H "Authorization: Bearer $CASE_HANDLER_KEY")
curl -sw '\n' "$API/v1/cases/$CASE/decisions" \
  -H "Authorization: Bearer $CASE_HANDLER_KEY" -H 'Acting-User: handler-17' \
  -H "If-Match: $ETAG" -H 'Content-Type: application/json' \
  -d '{ "action": "publish", "reason": "edited_personal_data", "commissioned": "locally",
        "moderatedText": "I waited six hours. (Invented example.)" }'

ETAG=$(etag "$API/v1/cases/$CASE" -H "Authorization: Bearer $PROVIDER_KEY")
curl -sw '\n' "$API/v1/cases/$CASE/responses" \
  -H "Authorization: Bearer $PROVIDER_KEY" -H 'Acting-User: pals-3' \
  -H "If-Match: $ETAG" -H 'Content-Type: application/json' \
  -d '{ "text": "We are sorry. There are two more doctors at night now. (Invented example.)",
        "status": "resolved" }'

RECEIPT=$(echo "$CREATED" | sed 's/.*"receipt":"\([^"]*\)".*/\1/')
curl -sw '\n' "$API/v1/cases/$CASE" -H "Case-Receipt: $RECEIPT"
curl -sw '\n' "$API/v1/cases/$CASE/outcomes" \
  -H "Case-Receipt: $RECEIPT" -H 'Content-Type: application/json' \
  -d '{ "resolved": true, "manner": true }'

curl -sw '\n' "$API/v1/cases/$CASE"
curl -sw '\n' "$API/v1/geo-feed?organisation=RJ1&status=resolved&limit=1"

push() {
  curl -sw '\n' "$API/v1/sources/example-push/items" \
    -H "Authorization: Bearer $FEED_PROVIDER_KEY" -H 'Content-Type: application/json' \
    -d '{ "items": [
          { "type": "story", "externalId": "tour-story", "organisation": "RJ1",
            "text": "The ward was quiet at night. (Invented example.)",
            "publishedAt": "2026-11-20T09:00:00Z" },
          { "type": "reply", "externalId": "tour-reply", "inReplyTo": "tour-story",
            "text": "Thank you for telling us. (Invented example.)",
            "publishedAt": "2026-11-21T09:00:00Z" } ] }'
}
push
push

curl -sw '\n' "$API/v1/sources/example-choices/runs?limit=2" -H "Authorization: Bearer $ADMINISTRATOR_KEY"

curl -sw '\n' "$API/v1/statistics?view=mine&organisation=RJ1&from=2026-01-01" \
  -H "Authorization: Bearer $CASE_HANDLER_KEY"

curl -sw '\n' "$API/v1/erasures" \
  -H "Authorization: Bearer $ADMINISTRATOR_KEY" -H 'Acting-User: officer-1' \
  -H 'Content-Type: application/json' -d "{ \"case\": \"$CASE\", \"reason\": \"request\" }"
curl -sw '\n' "$API/v1/cases/$CASE"

curl -sw '\n' -i "$API/v1/cases" \
  -H "Authorization: Bearer $INTEGRATOR_KEY" -H 'Content-Type: application/json' \
  -d '{ "kind": "question", "organisation": "RJ1", "category": "weather",
        "text": "Will it rain? (Invented example.)", "acceptsTerms": true }'
