/** Pieces of invented stories and replies. Nobody wrote them and nobody is in them. */
export type Topic = {
  name: string
  /** Titles of good stories and of bad ones. */
  praise: string[]
  criticism: string[]
  liked: string[]
  improved: string[]
  replies: string[]
  /** Why the teller was there, where not every reason fits. */
  occasions?: string[]
}

export const INVENTED = '(Invented example.)'

export const TOPICS: readonly Topic[] = [
  {
    name: 'Thanks',
    praise: ['Thank you to everyone', 'Could not have asked for more', 'Kind & patient from start to finish'],
    criticism: ['Good people, difficult building', 'Thank you all the same'],
    liked: [
      'Everybody introduced themselves and asked how I was before anything else.',
      'The whole team was cheerful on what was clearly a very busy day.',
      'I felt listened to, and nobody made me feel that I was in the way.',
      'A volunteer walked me all the way to the right door.',
    ],
    improved: ['Nothing that I can think of.', 'Only that it is hard to find out whom to thank.'],
    replies: [
      'It means a great deal to the team to read this, and we have put it up in the staff room.',
      'We have passed your kind words on to everyone on that day’s shift.',
    ],
  },
  {
    name: 'Waiting',
    praise: ['Seen earlier than expected', 'On time & well organised'],
    criticism: ['Long wait in the clinic', 'Two hours late & no explanation', 'Weeks without a date'],
    liked: [
      'Once I was called in, the appointment itself was not rushed.',
      'The board with waiting times was honest.',
    ],
    improved: [
      'My appointment ran more than two hours late and nobody told the waiting room why.',
      'I waited eleven weeks for the letter with the date, and had to ring twice.',
      'We were moved from one waiting area to another three times.',
      'The self check-in said that I had arrived, the desk said that I had not.',
    ],
    replies: [
      'We are sorry about the wait. The clinic now says on the board when it runs late, and why.',
      "We're sorry that you weren't kept informed; the department is reviewing how it books this clinic.",
    ],
  },
  {
    name: 'Cleanliness',
    praise: ['Spotless ward', 'Clean and bright'],
    criticism: ['Clean everywhere but one place', 'Needs attention', 'Housekeeping & bins'],
    liked: [
      'The ward was cleaned while we were there, under the beds as well.',
      'Hand gel at every door, and people used it.',
    ],
    improved: [
      'The visitors’ toilet by the entrance was out of soap in the morning and still in the evening.',
      'There were old cups and crumbs on the window sill all day.',
      'A bin in the corridor was overflowing.',
    ],
    replies: [
      'The cleaning team has added an afternoon round to that area because of comments like yours.',
      'Our matron has checked the area with the domestic supervisor and will do so every week.',
    ],
  },
  {
    name: 'Staff',
    praise: ['Staff who care', 'Wonderful night staff', 'They noticed'],
    criticism: ['A rushed conversation', 'Too few people', 'Not much of a welcome'],
    liked: [
      'The nurses noticed that I was frightened and sat down with me for a minute.',
      'Even at three in the morning somebody came quickly when I rang.',
      'The receptionist sorted out a mix-up without making a fuss of it.',
    ],
    improved: [
      'The person who took my details did not look up once.',
      'It was plain that there were too few people for the number of patients.',
      'Two members of staff talked across me as if I were not there.',
    ],
    replies: [
      'We have shared your comment with the ward manager, who discussed it at the next handover.',
      'This is not the welcome that we want people to have, and the team has talked about it.',
    ],
  },
  {
    name: 'Food',
    occasions: [
      'I was in for a week.',
      'My mother was a patient on the ward.',
      'I stayed for six days after an operation.',
    ],
    praise: ['Better food than expected', 'Hot soup & fresh fruit'],
    criticism: ['Mealtimes', 'No dinner worth the name', 'Special diets forgotten'],
    liked: ['The soup was hot and there was always fruit.', 'Somebody came back to ask whether I had eaten.'],
    improved: [
      'Dinner was cold on three evenings out of four.',
      'The vegetarian choice had run out each time the trolley reached our end of the ward.',
      'Meals came while I was away for a scan and were not kept.',
    ],
    replies: [
      'Our catering team has changed the order in which the trolley goes round.',
      'Meals missed because of a test can be had later: please ask, and we will remind staff to offer it.',
    ],
  },
  {
    name: 'Parking',
    praise: ['Easy to reach', 'Helped on arrival'],
    criticism: ['Parking is a nightmare', 'Nowhere to park & no signs'],
    liked: ['The bus stops right at the main entrance.', 'The attendant helped us with the machine.'],
    improved: [
      'I drove round for forty minutes and was late in spite of setting off early.',
      'Only one of the three ticket machines was working.',
      'There is no sign to the spaces for blue badges from the south entrance.',
    ],
    replies: [
      'The machines have been reported to the contractor, and spaces near the entrance are now kept for patients.',
      'We know that parking is difficult and have asked for clearer signs at every entrance.',
    ],
  },
  {
    name: 'Communication',
    praise: ['Everything was explained', 'Told in good time'],
    criticism: ['Nobody tells you anything', 'Letters & phone calls', 'Left to find out for myself'],
    liked: [
      'The doctor drew a picture, and for the first time I understood what was going on.',
      'I got a text the day before, and a call when the time changed.',
    ],
    improved: [
      'I had two letters on one day with different dates in them.',
      'I rang the number on the letter nine times before somebody answered.',
      'I went home without knowing whom to ask about my results.',
      'The leaflet was only there in English.',
    ],
    replies: [
      "We're sorry about the letters. The booking office has found the mistake and corrected it.",
      'The department now has a second line, and a message tells callers when it is quietest.',
    ],
  },
]

export const OCCASIONS: readonly string[] = [
  'I came for a follow-up appointment.',
  'I went with my neighbour, who needed somebody beside her.',
  'I was in for two nights.',
  'This was my first visit.',
  'I have been coming here for years.',
  'My mother was a patient on the ward.',
  'I came for a blood test in the morning.',
  'I was sent here by my GP.',
  'I brought my son for his check-up.',
  'I came back for the results of a scan.',
]

export const ANYTHING_ELSE: readonly string[] = [
  'I would come here again.',
  'I hope that this helps somebody.',
  'I know that everyone is doing their best.',
  'A quieter place to wait would help a lot.',
  'Please pass this on to the team.',
]

export const REPLY_OPENINGS: readonly string[] = [
  'Thank you for taking the time to tell us about your visit.',
  'Thank you for your comment, good & bad.',
  'We were glad to read what you wrote.',
  'Thank you for letting us know.',
]

export const REPLY_CLOSINGS: readonly string[] = [
  'If you would like to tell us more, the Patient Advice and Liaison Service is there for you. Patient Experience Team',
  'With kind regards, the Patient Experience Team',
  'Please do get in touch if you want to talk about it. Patient Experience Team',
]

export const SERVICES: readonly { code: string; name: string }[] = [
  { code: 'srv0064', name: 'Outpatients' },
  { code: 'srv0017', name: 'Diagnostic imaging' },
  { code: 'srv0102', name: 'Therapies' },
]

/** Question and answers from worst to best, as the comments feed spells them. */
export const SCALES: readonly { question: string; answers: string[] }[] = [
  {
    question: 'How satisfied are you with the cleanliness of the area you were treated in?',
    answers: ['dirty', 'not very clean', 'clean', 'very clean', 'exceptionally clean'],
  },
  {
    question: 'Were you treated with dignity and respect by the  staff?',
    answers: ['never', 'rarely', 'some of the time', 'most of the time', 'all of the time'],
  },
  {
    question: 'Were you involved in decisions about your care?',
    answers: ['never', 'rarely', 'some of the time', 'most of the time', 'all of the time'],
  },
]

export const FRIENDS_AND_FAMILY: readonly string[] = [
  'Extremely unlikely',
  'Unlikely',
  'Neither likely nor unlikely',
  'Likely',
  'Extremely likely',
]
