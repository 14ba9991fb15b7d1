export type Organisation = {
  /** The provider's own id, as it stands in the links of its comments feed. */
  choicesId: number
  ods: string
  name: string
  latitude: number
  longitude: number
}

/** The trusts that the invented stories are about; names and ODS codes are real ones of 2013. */
export const ORGANISATIONS: readonly Organisation[] = [
  {
    choicesId: 70001,
    ods: 'RYJ',
    name: 'Imperial College Healthcare NHS Trust',
    latitude: 51.5173,
    longitude: -0.1744,
  },
  {
    choicesId: 70002,
    ods: 'RQM',
    name: 'Chelsea and Westminster Hospital NHS Foundation Trust',
    latitude: 51.4843,
    longitude: -0.1817,
  },
  {
    choicesId: 70003,
    ods: 'RJ1',
    name: "Guy's and St Thomas' NHS Foundation Trust",
    latitude: 51.4988,
    longitude: -0.1188,
  },
  {
    choicesId: 70004,
    ods: 'RAT',
    name: 'North East London NHS Foundation Trust',
    latitude: 51.5588,
    longitude: 0.18,
  },
  {
    choicesId: 70005,
    ods: 'RAL',
    name: 'Royal Free London NHS Foundation Trust',
    latitude: 51.553,
    longitude: -0.1654,
  },
  {
    choicesId: 70006,
    ods: 'RKE',
    name: 'The Whittington Hospital NHS Trust',
    latitude: 51.5665,
    longitude: -0.1393,
  },
  {
    choicesId: 70007,
    ods: 'RAP',
    name: 'North Middlesex University Hospital NHS Trust',
    latitude: 51.6136,
    longitude: -0.0741,
  },
  {
    choicesId: 70008,
    ods: 'RQY',
    name: "South West London and St George's Mental Health NHS Trust",
    latitude: 51.4451,
    longitude: -0.1745,
  },
  {
    choicesId: 70009,
    ods: 'RJ7',
    name: "St George's Healthcare NHS Trust",
    latitude: 51.4268,
    longitude: -0.1747,
  },
  {
    choicesId: 70010,
    ods: 'RYX',
    name: 'Central London Community Healthcare NHS Trust',
    latitude: 51.4962,
    longitude: -0.1397,
  },
  {
    choicesId: 70011,
    ods: 'RAX',
    name: 'Kingston Hospital NHS Foundation Trust',
    latitude: 51.4148,
    longitude: -0.2829,
  },
  {
    choicesId: 70012,
    ods: 'RVR',
    name: 'Epsom and St Helier University Hospitals NHS Trust',
    latitude: 51.3804,
    longitude: -0.1833,
  },
  {
    choicesId: 70013,
    ods: 'RP6',
    name: 'Moorfields Eye Hospital NHS Foundation Trust',
    latitude: 51.5273,
    longitude: -0.0896,
  },
  {
    choicesId: 70014,
    ods: 'RPY',
    name: 'The Royal Marsden NHS Foundation Trust',
    latitude: 51.4907,
    longitude: -0.1729,
  },
  {
    choicesId: 70015,
    ods: 'RY9',
    name: 'Hounslow and Richmond Community Healthcare NHS Trust',
    latitude: 51.4491,
    longitude: -0.33,
  },
  {
    choicesId: 70016,
    ods: 'RP4',
    name: "Great Ormond Street Children's Hospital NHS Trust",
    latitude: 51.5221,
    longitude: -0.1203,
  },
  {
    choicesId: 70017,
    ods: 'RR7',
    name: 'Gateshead Health NHS Foundation Trust',
    latitude: 54.9393,
    longitude: -1.579,
  },
  {
    choicesId: 70018,
    ods: 'RTD',
    name: 'The Newcastle upon Tyne Hospitals NHS Foundation Trust',
    latitude: 55.003,
    longitude: -1.593,
  },
]
