/**
 * Given names that are hardly anything else in a text about care: no words (Grace, Joy, Mark), no months, and none after
 * which hospitals and wards are called (Victoria, Elizabeth, Charlotte, Mary, George, Thomas, James).
 */
export const givenNames: ReadonlySet<string> = new Set(
  `Aaron Abdul Abigail Adam Adeel Adrian Afia Agnieszka Ahmed Aidan Aisha Aisling Alan Alasdair Alejandra Alex Alice Alicia Alison
  Amanda Amara Amelia Amir Amy Ana Anastasia Andrea Andreea Andrew Andy Angela Angharad Anita Anjali Ann Anna Anne Annette
  Anthony Antonia Anwar Arjun Arthur Asha Ashley Audrey Ayesha Barbara Barry Beatriz Becky Ben Benjamin Bernadette
  Bernard Beth Bethan Betty Beverley Bianca Brenda Brian Bridget Bronwen Bryan Callum Carl Carla Carol Carole Caroline
  Carolyn Catherine Catrin Chantelle Charlie Chen Cheryl Chidi Chinedu Chioma Chloe Chris Christina Christine Christopher
  Ciara Claire Clare Colin Connor Craig Cristina Damian Daniel Daniela Danielle Darren Dave David Deborah Debbie
  Deepa Denise Dennis Derek Diana Diane Dilys Donna Doreen Doris Dorothy Duncan Dylan Edith Edward Eileen Elaine Eleanor
  Elena Ellen Ellie Elsie Emeka Emily Emma Eric Erin Esther Ethel Eva Evelyn Farah Fatima Femi Fiona Folake Frances Freya
  Gareth Gary Gemma Geoff Geoffrey Georgina Gerald Geraldine Gillian Gina Gladys Glenn Gordon Graham Gwen Hannah Hans
  Harriet Harry Hassan Hayley Heidi Helen Helena Henry Hilary Howard Hugh Ian Ibrahim Imogen Imran Ines Irene Isaac
  Isabel Isabella Isla Ivan Jackie Jacob Jacqueline Jake Jamal Jamie Jane Janet Janice Jason Javier Jayne
  Jean Jeffrey Jenna Jennifer Jenny Jeremy Jess Jessica Jill Joan Joanna Joanne Joe Joel John Jon Jonathan Jose
  Joseph Josephine Josh Joshua Joyce Juan Judith Judy Julia Julian Julie June Justin Kamal Karen Karl Kasia Katarzyna Kate Kath
  Katherine Kathleen Kathryn Katie Katy Kavita Kayleigh Keith Kelly Ken Kenneth Kerry Kevin Khadija Kim Kirsty Krystyna Kwame
  Laura Lauren Lawrence Leanne Leah Lee Leila Leon Leslie Lesley Lewis Liam Linda Lindsay Lisa Liz Lorna Lorraine Louise Lucia
  Lucy Luis Luke Lynda Lynn Lynne Mairead Malcolm Mandy Manuel Marco Margaret Maria Marian Marie Marilyn Marion
  Marjorie Martin Martina Matt Matthew Maureen Mavis Maya Meera Megan Mehmet Melanie Melissa Michael Michelle Mick Miguel Mike
  Miriam Mohamed Mohammad Mohammed Moira Molly Monica Muhammad Mustafa Nadia Naomi Natalia Natalie Natasha Nathan Neil Niamh
  Nicholas Nick Nicola Nicole Nigel Nikki Nina Nisha Nkechi Noor Norma Norman Olga Oliver Olivia Olu Oluwaseun Omar Owen Pamela
  Parveen Patricia Patrick Paul Paula Pauline Pedro Peter Phil Philip Phyllis Piotr Priya Rachel Rahul Raj Rajesh Ralph
  Ravi Raymond Rebecca Rhian Rhiannon Rhys Richard Rita Robert Roberta Roger Ronald Roy Russell Ruth Ryan Sabina Sadia
  Sally Sam Samantha Samir Samuel Sandra Sanjay Sara Sarah Saskia Scott Sean Shannon Sharon Shaun Sheila Shelley Shirley
  Sian Simon Sinead Siobhan Sophia Sophie Stacey Stella Stephanie Stephen Steve Steven Stuart Sue Sunil Suresh Susan Susie
  Suzanne Sylvia Tania Tanya Tara Ted Teresa Terry Tessa Theresa Tim Timothy Tina Toby Tom Tomasz Tony Tracey Tracy Trevor
  Ursula Usha Valerie Vanessa Vera Veronica Vicky Vijay Vincent Vivienne Wayne Wendy Winifred Yasmin Yolanda Yusuf Yvonne Zainab
  Zara Zoe Zsofia`
    .trim()
    .split(/\s+/),
)
